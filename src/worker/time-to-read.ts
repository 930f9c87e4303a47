/** Time that may be spent on reading, in all; aborts once it is up. It begins when `goOn` is called. */
export class TimeToRead {
  readonly #timeUp = new AbortController();
  #leftMs: number;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param ms before it is up */
  constructor(ms: number) {
    this.#leftMs = ms;
  }

  get signal(): AbortSignal {
    return this.#timeUp.signal;
  }

  /** Nobody waits for what is read until `goOn`. */
  pause(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs -= performance.now() - this.#since;
  }

  goOn(): void {
    this.#since = performance.now();
    this.#timer = setTimeout(() => this.end(), Math.max(0, this.#leftMs));
  }

  /** The time is up, or no longer needed. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timeUp.abort(new Error('the store is slow'));
  }
}
