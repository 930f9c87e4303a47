import type { S3Client } from '@aws-sdk/client-s3';
import { jittered, type Pauses, pause, pauseMs } from '../../errors/retry-policy.ts';
import type { ObjectBytes } from '../object-source.ts';
import { BrokenBody } from './broken-body.ts';
import { type DownloadOptions, ObjectDownload, type ObjectOfBucket } from './object-download.ts';
import { objectErrors } from './object-errors.ts';
import { S3Error, toS3Error } from './s3-error.ts';

/** Resumes in a row that brought no byte before the file fails. */
const FRUITLESS_RESUMES = 5;
const PAUSES: Pauses = { firstMs: 100, mostMs: 10_000, factor: 4 };

/** The longest rest of an object that could not be loaded which is read for its checksum alone, in bytes. */
const MOST_READ_FOR_CHECKSUM = 64 * 1024 * 1024;

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

  readonly #name: string;
  readonly #download: ObjectDownload;
  /** Ends the whole read. */
  readonly #end: AbortSignal;
  /** Ends what nobody waits for any more; the rest is then read anew. */
  readonly #giveUp = new AbortController();
  /** Ends what is being read. */
  #signal: AbortSignal;
  /** Resolves when no read is in flight. */
  #idle: Promise<void> = Promise.resolve();

  constructor(client: S3Client, object: ObjectOfBucket, options: DownloadOptions) {
    const name = `s3://${object.bucket}/${object.key}`;
    this.#name = name;
    this.#end = options.signal;
    this.#signal = AbortSignal.any([options.signal, this.#giveUp.signal]);
    this.#download = new ObjectDownload(client, { ...object, name }, options, () => this.#signal);
  }

  /** Bytes received so far. */
  get bytes(): number {
    return this.#download.received.count;
  }

  /** Time spent waiting for S3, in ms. */
  get waitMs(): number {
    return this.#download.waitMs;
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
      this.#download.close();
      resolve();
    }
  }

  /** Reads the rest, if it is not too long, since the checksum is of the whole object. */
  async findDamage(): Promise<S3Error | undefined> {
    try {
      // A chunk that is on its way is asked for anew: it may never come.
      this.#giveUp.abort(new Error('nobody reads the object any more'));
      await this.#idle;
      this.#signal = this.#end;
      const { received } = this.#download;
      // Also where another failure was met first.
      if (received.damage !== undefined) return received.damage;
      const { isToVerify, left } = received;
      if (!isToVerify || left === undefined || left > MOST_READ_FOR_CHECKSUM) return undefined;
      if (left === 0) await received.verify();
      else for await (const chunk of this.#readAll()) if (chunk.length === 0) break;
      return undefined;
    } catch (error) {
      return error instanceof S3Error && error.code === 'ChecksumMismatch' ? error : undefined;
    }
  }

  async *#readAll(): AsyncGenerator<Buffer> {
    const { received } = this.#download;
    let fruitless = 0;
    for (;;) {
      const before = this.bytes;
      try {
        yield* this.#download.readBody();
        yield* this.#download.readRanges();
        if (received.left === 0 || received.left === undefined) break;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof BrokenBody)) throw toS3Error(error, this.#name);
        fruitless = this.bytes > before ? 0 : fruitless + 1;
        if (fruitless > FRUITLESS_RESUMES) {
          throw objectErrors.incomplete(this.#name, { bytes: this.bytes, size: this.#download.size }, error);
        }
        this.resumes++;
        await pause(jittered(pauseMs(fruitless + 1, PAUSES)), this.#signal);
        this.#signal.throwIfAborted();
      }
    }
    await received.verify();
  }
}
