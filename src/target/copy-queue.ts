import type { CopyStreamQuery } from 'pg-copy-streams';

/** A buffer on its way into a COPY. */
interface Waiting {
  readonly chunk: Buffer;
  /** Called once the COPY has handed it on, or will not read it any more. */
  readonly free: () => void;
}

/**
 * What waits for a COPY. It gets one buffer at a time: where several wait in a stream of pg-copy-streams and Postgres refuses a row, it
 * goes on with the next, on no connection.
 */
export class CopyQueue {
  readonly #copy: CopyStreamQuery;
  readonly #most: number;
  readonly #waiting: Waiting[] = [];
  #isWriting = false;
  #hasEnded = false;
  #hasFailed = false;
  #wake: (() => void) | undefined;

  /** @param most as soon as so many buffers are not handed on, there is no room for another one */
  constructor(copy: CopyStreamQuery, most: number) {
    this.#copy = copy;
    this.#most = most;
    const fail = () => {
      this.#hasFailed = true;
      for (const { free } of this.#waiting.splice(0)) free();
      this.#wake?.();
    };
    // An error that Postgres answers comes while it is not destroyed yet, and has no connection any more.
    copy.once('error', fail).once('close', fail);
  }

  /** How many buffers are not handed on yet. */
  get length(): number {
    return this.#waiting.length + (this.#isWriting ? 1 : 0);
  }

  /** Takes a buffer, whether there is room or not; one that comes when the COPY has failed is freed. */
  add(chunk: Buffer, free: () => void): void {
    if (this.#isOver) {
      free();
      return;
    }
    this.#waiting.push({ chunk, free });
    this.#next();
  }

  /** Nothing comes any more: ends the COPY behind what waits. */
  end(): void {
    this.#hasEnded = true;
    this.#next();
  }

  /** Resolves when there is room for another buffer, or the COPY has failed. */
  async room(): Promise<void> {
    while (this.length >= this.#most && !this.#isOver) {
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      await woken.promise;
    }
  }

  get #isOver(): boolean {
    return this.#hasFailed || this.#copy.destroyed;
  }

  #next(): void {
    if (this.#isWriting || this.#isOver) return;
    const next = this.#waiting.shift();
    if (next === undefined) {
      if (this.#hasEnded) this.#copy.end();
      return;
    }
    this.#isWriting = true;
    this.#copy.write(next.chunk, (error) => {
      // After a failure the socket may still read it.
      if (error != null) return;
      this.#isWriting = false;
      next.free();
      this.#next();
      if (this.length < this.#most) this.#wake?.();
    });
  }
}
