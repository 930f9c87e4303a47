/** Where a file's time went, beyond S3 and encoding. Counted by chunks of 100 kB and more, never by line; in ms. */
export interface StageTimes {
  /** Gunzip working while the next stage waited for its bytes. */
  gunzipMs: number;
  /** Waiting for Postgres to take rows, and to end the COPY. */
  postgresMs: number;
}

/** Adds up the spans of time between `start` and `stop`, the current one included. */
export class Stopwatch {
  #sum = 0;
  #since: number | undefined;

  start(): void {
    this.#since ??= performance.now();
  }

  stop(): void {
    this.#sum = this.ms;
    this.#since = undefined;
  }

  get ms(): number {
    return this.#since === undefined ? this.#sum : this.#sum + performance.now() - this.#since;
  }
}
