import { awaitWithin } from '../../errors/await-within.ts';
import { BrokenBody, isConnectionError } from './broken-body.ts';
import type { ObjectPin } from './object-pin.ts';
import type { ObjectRequests } from './object-requests.ts';
import type { S3Error } from './s3-error.ts';

/** A store that does not answer with the range that it was asked for. */
class NoSuchRange extends Error {}

export interface RangePartOptions {
  requests: ObjectRequests;
  pin: ObjectPin;
  /** Offset of the first byte, and of the first that is not its own. */
  start: number;
  end: number;
  /** Longest wait for the next bytes, in ms; 0 waits for ever. */
  readTimeoutMs: number;
  /** Ends the part. */
  signal: AbortSignal;
  /** The error of a wait that was too long, after so many bytes of the object. */
  stalled: (bytes: number) => S3Error;
}

/** One range of an object, read into memory as fast as it comes; at most its length is kept. */
export class RangePart {
  readonly start: number;
  readonly end: number;
  readonly #options: RangePartOptions;
  readonly #chunks: Buffer[] = [];
  #received = 0;
  readonly #admission = Promise.withResolvers<boolean>();
  #isAdmitted = false;
  #failure: { error: unknown } | undefined;
  #news = Promise.withResolvers<void>();

  /** Sends the request. */
  constructor(options: RangePartOptions) {
    this.#options = options;
    this.start = options.start;
    this.end = options.end;
    this.#receive().then(
      () => this.#news.resolve(),
      (error: unknown) => {
        this.#failure = { error };
        this.#admission.resolve(false);
        this.#news.resolve();
      },
    );
  }

  /** Resolves once the store has answered: to whether with this range of this object. */
  get admitted(): Promise<boolean> {
    return this.#admission.promise;
  }

  /** Whether the store has answered with this range of this object. */
  get isAdmitted(): boolean {
    return this.#isAdmitted && this.#failure === undefined;
  }

  /**
   * The next bytes, in order; undefined once all have been given.
   * @throws what the request does, BrokenBody, or that the store gives no ranges; after the bytes that came before it
   */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#received === this.end - this.start) return undefined;
      if (this.#failure !== undefined) throw this.#failure.error;
      await this.#news.promise;
    }
  }

  async #receive(): Promise<void> {
    const { requests, pin, start, end, readTimeoutMs, signal, stalled } = this.#options;
    const within = <T>(promise: Promise<T>) =>
      awaitWithin(promise, { limitMs: readTimeoutMs, signal, late: () => stalled(start + this.#received) });
    const answer = await requests.get(start, pin, { end, signal, waiting: within });
    const { body } = answer;
    body.on('error', () => {});
    try {
      pin.resume(answer, start);
      if (answer.start !== start || answer.status !== 206)
        throw new NoSuchRange('the store answered with something else');
      this.#isAdmitted = true;
      this.#admission.resolve(true);
      const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
      while (start + this.#received < end) {
        const next = await within(chunks.next()).catch((error: unknown) => {
          signal.throwIfAborted();
          throw isConnectionError(error) ? new BrokenBody(error.message, { cause: error }) : error;
        });
        if (next.done === true) throw new BrokenBody('the body ended early');
        this.#keep(next.value.subarray(0, end - start - this.#received));
      }
      // Read to its end, the body leaves its connection to the next range; a store that sends more than that does not.
      if (answer.headers['content-length'] === String(end - start)) await within(chunks.next()).catch(() => {});
    } finally {
      body.destroy();
    }
  }

  #keep(chunk: Buffer): void {
    this.#received += chunk.length;
    this.#chunks.push(chunk);
    const { resolve } = this.#news;
    this.#news = Promise.withResolvers();
    resolve();
  }
}
