import type { S3Client } from '@aws-sdk/client-s3';
import { jittered, type Pauses, pause, pauseMs } from '../../errors/retry-policy.ts';
import type { ObjectBytes, ObjectToRead } from '../object-source.ts';
import { BrokenBody, isConnectionError } from './broken-body.ts';
import type { DirectGets } from './direct-gets.ts';
import type { ObjectAnswer } from './object-answer.ts';
import { objectErrors } from './object-errors.ts';
import { ObjectPin } from './object-pin.ts';
import { ObjectRequests } from './object-requests.ts';
import { RangePart } from './range-part.ts';
import { RangedRest, type RangedRestOptions } from './ranged-rest.ts';
import { ReceivedBytes } from './received-bytes.ts';
import { S3Error, toS3Error } from './s3-error.ts';
import { TimedWaits } from './timed-waits.ts';

/** An object of a bucket. */
export interface ObjectOfBucket extends ObjectToRead {
  bucket: string;
}

export interface ReaderOptions {
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

/** Resumes in a row that brought no byte before the file fails. */
const FRUITLESS_RESUMES = 5;
const PAUSES: Pauses = { firstMs: 100, mostMs: 10_000, factor: 4 };

/** The longest rest of an object that could not be loaded which is read for its checksum alone, in bytes. */
const MOST_READ_FOR_CHECKSUM = 64 * 1024 * 1024;

/** Longest wait for the end of a body whose bytes have all come, in ms. */
const END_MS = 10_000;

/**
 * Reads one object's bytes, once and completely. A body that breaks off is resumed at its next byte by
 * `Range` and `If-Match`, so the consumer of the bytes never notices. Only time spent waiting for bytes counts
 * against `readTimeoutMs`: a slow consumer is not a stall (the SDK's own socket timeout would kill such a download).
 * Where the store offers a checksum of the whole object, the bytes are held against it at their end. Where one connection is
 * too slow for the consumer, the rest is read in several ranges at a time; whatever goes wrong with one, it goes on as before.
 */
export class ObjectReader implements ObjectBytes {
  /** How often a broken body was resumed. */
  resumes = 0;

  readonly #options: ReaderOptions;
  readonly #name: string;
  readonly #pin: ObjectPin;
  readonly #received: ReceivedBytes;
  readonly #requests: ObjectRequests;
  readonly #waits: TimedWaits;
  readonly #ranges: RangedRest;
  /** Ends what nobody waits for any more; the rest is then read anew. */
  readonly #giveUp = new AbortController();
  /** Ends what is being read. */
  #signal: AbortSignal;
  /** Resolves when no read is in flight. */
  #idle: Promise<void> = Promise.resolve();

  constructor(client: S3Client, object: ObjectOfBucket, options: ReaderOptions) {
    const { bucket, key } = object;
    this.#options = options;
    this.#name = `s3://${bucket}/${key}`;
    this.#pin = new ObjectPin(this.#name, object);
    this.#received = new ReceivedBytes(this.#name, this.#pin);
    this.#signal = AbortSignal.any([options.signal, this.#giveUp.signal]);
    this.#waits = new TimedWaits({ name: this.#name, signal: () => this.#signal, bytes: () => this.bytes });
    this.#requests = new ObjectRequests(client, {
      bucket,
      key,
      name: this.#name,
      signal: options.signal,
      requesterPays: options.requesterPays,
      direct: options.direct,
      waiting: (attempt) => this.#waits.within(attempt, options.readTimeoutMs),
    });
    const { readTimeoutMs, signal } = options;
    this.#ranges = new RangedRest({
      budget: options.ranges?.budget,
      limits: options.ranges?.limits,
      pace: options.ranges?.pace,
      pin: this.#pin,
      open: (start, end, closed) =>
        new RangePart({
          requests: this.#requests,
          pin: this.#pin,
          start,
          end,
          readTimeoutMs,
          signal: AbortSignal.any([signal, closed]),
          stalled: (bytes) => objectErrors.stalled(this.#name, { limitMs: readTimeoutMs, bytes }),
        }),
    });
  }

  /** Bytes received so far. */
  get bytes(): number {
    return this.#received.count;
  }

  /** Time spent waiting for S3, in ms. */
  get waitMs(): number {
    return this.#waits.totalMs;
  }

  /**
   * The object's bytes in order. An object without bytes is asked for as well: it may have been replaced since.
   * @throws S3Error, or the signal's reason when aborted
   */
  async *read(): AsyncGenerator<Buffer> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = promise;
    try {
      yield* this.#readAll();
    } finally {
      this.#ranges.close();
      resolve();
    }
  }

  /** Reads the rest, if it is not too long, since the checksum is of the whole object. */
  async findDamage(): Promise<S3Error | undefined> {
    try {
      // A chunk that is on its way is asked for anew: it may never come.
      this.#giveUp.abort(new Error('nobody reads the object any more'));
      await this.#idle;
      this.#signal = this.#options.signal;
      // Also where another failure was met first.
      if (this.#received.damage !== undefined) return this.#received.damage;
      const { isToVerify, left } = this.#received;
      if (!isToVerify || left === undefined || left > MOST_READ_FOR_CHECKSUM) return undefined;
      if (left === 0) await this.#received.verify();
      else for await (const chunk of this.#readAll()) if (chunk.length === 0) break;
      return undefined;
    } catch (error) {
      return error instanceof S3Error && error.code === 'ChecksumMismatch' ? error : undefined;
    }
  }

  async *#readAll(): AsyncGenerator<Buffer> {
    let fruitless = 0;
    for (;;) {
      const before = this.bytes;
      try {
        yield* this.#readFrom(before);
        yield* this.#readRanges();
        if (this.#received.left === 0 || this.#received.left === undefined) break;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof BrokenBody)) throw toS3Error(error, this.#name);
        fruitless = this.bytes > before ? 0 : fruitless + 1;
        if (fruitless > FRUITLESS_RESUMES) {
          throw objectErrors.incomplete(this.#name, { bytes: this.bytes, size: this.#pin.size }, error);
        }
        this.resumes++;
        await pause(jittered(pauseMs(fruitless + 1, PAUSES)), this.#signal);
        this.#signal.throwIfAborted();
      }
    }
    await this.#received.verify();
  }

  /** @throws BrokenBody when the rest is worth another request */
  async *#readFrom(offset: number): AsyncGenerator<Buffer> {
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
        const own = chunk.subarray(0, (this.#ranges.from ?? Number.POSITIVE_INFINITY) - this.bytes);
        if (own.length > 0) yield this.#received.take(own);
        if (this.bytes === this.#ranges.from && this.#ranges.takeOver() !== undefined) return;
        if (own.length < chunk.length) yield this.#received.take(chunk.subarray(own.length));
        this.#ranges.consider(this.bytes, this.waitMs);
      }
      if ((this.#received.left ?? 0) > 0) throw new BrokenBody('the body ended early');
    } finally {
      // An unread body would hold its socket until the pool is empty.
      body.destroy();
    }
  }

  /**
   * Reads on in ranges, if they have taken over. What is wrong with one is left for the next request for the rest to find out.
   * @throws BrokenBody when a range broke off
   */
  async *#readRanges(): AsyncGenerator<Buffer> {
    const window = this.bytes === this.#ranges.from ? this.#ranges.takeOver() : undefined;
    if (window === undefined) return;
    try {
      for (;;) {
        const chunk = await this.#waits.within(window.next(), 0);
        if (chunk === undefined) return;
        yield this.#received.take(chunk);
      }
    } catch (error) {
      this.#signal.throwIfAborted();
      if (error instanceof BrokenBody || (error instanceof S3Error && error.code === 'ReadTimeout')) throw error;
      this.#ranges.giveUp();
    } finally {
      this.#ranges.close();
    }
  }

  /** @returns how many bytes of the body were read before */
  #admit(answer: ObjectAnswer, offset: number): number {
    if (offset > 0) {
      this.#pin.resume(answer, offset);
      return offset - (answer.start ?? offset);
    }
    this.#pin.begin(answer);
    this.#received.begin(answer);
    return 0;
  }

  /** @returns undefined at the end */
  async #nextChunk(chunks: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
    const { readTimeoutMs } = this.#options;
    const isWhole = this.#received.left === 0;
    try {
      const next = await this.#waits.within(chunks.next(), isWhole ? END_MS : readTimeoutMs);
      return next.done === true ? undefined : next.value;
    } catch (error) {
      this.#signal.throwIfAborted();
      // How the connection ends is of no account once all bytes are there.
      if (isWhole && (isConnectionError(error) || error instanceof S3Error)) return undefined;
      if (error instanceof S3Error || !isConnectionError(error)) throw error;
      throw new BrokenBody(error.message, { cause: error });
    }
  }
}
