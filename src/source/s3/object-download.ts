import type { S3Client } from '@aws-sdk/client-s3';
import type { ObjectToRead } from '../object-source.ts';
import { BrokenBody, isConnectionError } from './broken-body.ts';
import type { DirectGets } from './direct-gets.ts';
import type { ObjectAnswer } from './object-answer.ts';
import { objectErrors } from './object-errors.ts';
import { ObjectPin } from './object-pin.ts';
import { ObjectRequests } from './object-requests.ts';
import { RangePart } from './range-part.ts';
import { RangedRest, type RangedRestOptions } from './ranged-rest.ts';
import { ReceivedBytes } from './received-bytes.ts';
import { S3Error } from './s3-error.ts';
import { TimedWaits } from './timed-waits.ts';

/** An object of a bucket. */
export interface ObjectOfBucket extends ObjectToRead {
  bucket: string;
}

export interface DownloadOptions {
  /** Longest wait for the next bytes, in ms; 0 waits for ever. */
  readTimeoutMs: number;
  signal: AbortSignal;
  /** Whether the account agrees to pay for its requests. */
  requesterPays?: boolean | undefined;
  /** Ways around the SDK, of the client's bucket; without it the SDK sends every request. */
  direct?: DirectGets | undefined;
  /** What large objects may be read in ranges by; without it none is. */
  ranges?: Pick<RangedRestOptions, 'budget' | 'limits' | 'pace'> | undefined;
}

/** Longest wait for the end of a body whose bytes have all come, in ms. */
const END_MS = 10_000;

/**
 * One object's bytes as its store sends them: each request asks for the rest. Where its one connection is too slow for the
 * consumer, ranges read ahead take over from its body. What to do when one of them breaks off is the caller's to say.
 */
export class ObjectDownload {
  readonly received: ReceivedBytes;

  readonly #readTimeoutMs: number;
  readonly #pin: ObjectPin;
  readonly #requests: ObjectRequests;
  readonly #waits: TimedWaits;
  readonly #ranges: RangedRest;
  readonly #signal: () => AbortSignal;

  /**
   * @param name of the object, as `s3://bucket/key`
   * @param signal what ends a wait that begins now; `options.signal` ends the requests
   */
  constructor(
    client: S3Client,
    object: ObjectOfBucket & { name: string },
    options: DownloadOptions,
    signal: () => AbortSignal,
  ) {
    const { name } = object;
    const { readTimeoutMs, ranges, ...requests } = options;
    this.#readTimeoutMs = readTimeoutMs;
    this.#signal = signal;
    this.#pin = new ObjectPin(name, object);
    this.received = new ReceivedBytes(name, this.#pin);
    this.#waits = new TimedWaits({ name, signal, bytes: () => this.received.count });
    this.#requests = new ObjectRequests(client, {
      bucket: object.bucket,
      key: object.key,
      name,
      ...requests,
      waiting: (attempt) => this.#waits.within(attempt, readTimeoutMs),
    });
    this.#ranges = new RangedRest({
      budget: ranges?.budget,
      limits: ranges?.limits,
      pace: ranges?.pace,
      pin: this.#pin,
      open: (start, end, closed) =>
        new RangePart({
          requests: this.#requests,
          pin: this.#pin,
          start,
          end,
          readTimeoutMs,
          signal: AbortSignal.any([options.signal, closed]),
          stalled: (bytes) => objectErrors.stalled(name, { limitMs: readTimeoutMs, bytes }),
        }),
    });
  }

  /** Length of the object in bytes, once it is known. */
  get size(): number | undefined {
    return this.#pin.size;
  }

  /** Time spent waiting for the store, in ms. */
  get waitMs(): number {
    return this.#waits.totalMs;
  }

  /**
   * The next bytes, by one request for the rest: to its end, or to where ranges take over.
   * @throws BrokenBody when the rest is worth another request; S3Error; or the signal's reason
   */
  async *readBody(): AsyncGenerator<Buffer> {
    const offset = this.received.count;
    const answer = await this.#requests.get(offset, this.#pin);
    const { body } = answer;
    // An error that comes while nobody waits for bytes is met at the next wait.
    body.on('error', () => {});
    try {
      // A store that ignores Range sends the object from its start.
      let skip = this.#admit(answer, offset);
      const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
      for (;;) {
        const next = await this.#nextChunk(chunks);
        if (next === undefined) break;
        const chunk = next.subarray(skip);
        skip -= next.length - chunk.length;
        const own = chunk.subarray(0, (this.#ranges.from ?? Number.POSITIVE_INFINITY) - this.received.count);
        if (own.length > 0) yield this.received.take(own);
        if (this.received.count === this.#ranges.from && this.#ranges.takeOver() !== undefined) return;
        if (own.length < chunk.length) yield this.received.take(chunk.subarray(own.length));
        this.#ranges.consider(this.received.count, this.waitMs);
      }
      if ((this.received.left ?? 0) > 0) throw new BrokenBody('the body ended early');
    } finally {
      // An unread body would hold its socket until the pool is empty.
      body.destroy();
    }
  }

  /**
   * Reads on in ranges, if they have taken over. What is wrong with one is left for the next request for the rest to find out.
   * @throws BrokenBody when a range broke off, or the signal's reason
   */
  async *readRanges(): AsyncGenerator<Buffer> {
    const window = this.received.count === this.#ranges.from ? this.#ranges.takeOver() : undefined;
    if (window === undefined) return;
    try {
      for (;;) {
        const chunk = await this.#waits.within(window.next(), 0);
        if (chunk === undefined) return;
        yield this.received.take(chunk);
      }
    } catch (error) {
      this.#signal().throwIfAborted();
      if (error instanceof BrokenBody || (error instanceof S3Error && error.code === 'ReadTimeout')) throw error;
      this.#ranges.giveUp();
    } finally {
      this.#ranges.close();
    }
  }

  /** Ends the requests of ranges that are read ahead. */
  close(): void {
    this.#ranges.close();
  }

  /** @returns how many bytes of the body were read before */
  #admit(answer: ObjectAnswer, offset: number): number {
    if (offset > 0) {
      this.#pin.resume(answer, offset);
      return offset - (answer.start ?? offset);
    }
    this.#pin.begin(answer);
    this.received.begin(answer);
    return 0;
  }

  /** @returns undefined at the end */
  async #nextChunk(chunks: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
    const isWhole = this.received.left === 0;
    try {
      const next = await this.#waits.within(chunks.next(), isWhole ? END_MS : this.#readTimeoutMs);
      return next.done === true ? undefined : next.value;
    } catch (error) {
      this.#signal().throwIfAborted();
      // How the connection ends is of no account once all bytes are there.
      if (isWhole && (isConnectionError(error) || error instanceof S3Error)) return undefined;
      if (error instanceof S3Error || !isConnectionError(error)) throw error;
      throw new BrokenBody(error.message, { cause: error });
    }
  }
}
