import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import type { ObjectBytes, ObjectToRead } from '../object-source.ts';
import { awaitWithin } from './await-within.ts';
import { S3Error, toS3Error } from './s3-error.ts';

/** An object of a bucket. */
export interface ObjectOfBucket extends ObjectToRead {
  bucket: string;
}

export interface ReaderOptions {
  /** Longest wait for the next bytes, in ms; 0 is for ever (seed, "read-timeout"). */
  readTimeoutMs: number;
  signal: AbortSignal;
}

/** Resumes in a row that brought no byte before the file fails. */
const FRUITLESS_RESUMES = 5;
const FIRST_BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 10_000;

/**
 * Reads one object's bytes, once and completely. A body that breaks off is resumed at its next byte by
 * `Range` and `If-Match`, so whoever consumes the bytes never notices. Only time spent waiting for bytes counts
 * against `readTimeoutMs`: a slow consumer is no stall (the SDK's own socket timeout would kill such a download).
 */
export class ObjectReader implements ObjectBytes {
  /** Bytes received so far. */
  bytes = 0;
  /** How often a broken body was resumed. */
  resumes = 0;
  /** Time spent waiting for S3, in ms. */
  waitMs = 0;

  readonly #client: S3Client;
  readonly #object: ObjectOfBucket;
  readonly #options: ReaderOptions;
  readonly #name: string;
  #etag: string | undefined;

  constructor(client: S3Client, object: ObjectOfBucket, options: ReaderOptions) {
    this.#client = client;
    this.#object = object;
    this.#options = options;
    this.#name = `s3://${object.bucket}/${object.key}`;
    this.#etag = object.etag;
  }

  /**
   * The object's bytes in order.
   * @throws S3Error, or the signal's reason when aborted
   */
  async *read(): AsyncGenerator<Buffer> {
    let fruitless = 0;
    while (this.bytes < this.#object.size) {
      const before = this.bytes;
      try {
        yield* this.#readFrom(before);
        if (this.bytes < this.#object.size) throw new BrokenBody('the body ended early');
      } catch (error) {
        this.#options.signal.throwIfAborted();
        if (!(error instanceof BrokenBody)) throw toS3Error(error, this.#name);
        fruitless = this.bytes > before ? 0 : fruitless + 1;
        if (fruitless > FRUITLESS_RESUMES) {
          throw new S3Error(
            'IncompleteBody',
            `IncompleteBody: ${this.bytes} of ${this.#object.size} bytes came, then ${error.message} (${this.#name})`,
            { transient: true, cause: error },
          );
        }
        this.resumes++;
        await this.#backOff(fruitless);
      }
    }
  }

  async *#readFrom(offset: number): AsyncGenerator<Buffer> {
    const { size } = this.#object;
    const response = await this.#request(offset);
    const body = response.Body;
    if (!(body instanceof Readable)) throw new S3Error('NoBody', `S3 answered without a body (${this.#name})`);
    // An error that comes while nobody waits for bytes is met at the next wait.
    body.on('error', () => {});
    try {
      if (this.#etag !== undefined && response.ETag !== undefined && response.ETag !== this.#etag)
        throw this.#replaced();
      this.#etag ??= response.ETag;
      // A store that ignores Range sends the object from its start.
      let skip = offset > 0 && response.ContentRange === undefined ? offset : 0;
      const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
      for (;;) {
        const next = await this.#waiting(chunks.next(), body);
        if (next.done === true) return;
        let chunk = next.value;
        if (skip > 0) {
          const skipped = Math.min(skip, chunk.length);
          skip -= skipped;
          chunk = chunk.subarray(skipped);
          if (chunk.length === 0) continue;
        }
        this.bytes += chunk.length;
        if (this.bytes > size) throw this.#replaced();
        yield chunk;
      }
    } finally {
      // An unread body would hold its socket until the pool is empty.
      body.destroy();
    }
  }

  async #request(offset: number): Promise<GetObjectCommandOutput> {
    const { bucket, key } = this.#object;
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...(this.#etag === undefined ? {} : { IfMatch: this.#etag }),
      ...(offset === 0 ? {} : { Range: `bytes=${offset}-` }),
    });
    // Around each attempt by itself: the SDK's pauses between two are no stall.
    command.middlewareStack.add((next) => (args) => this.#waiting(next(args)), {
      step: 'finalizeRequest',
      priority: 'low',
      name: 'readTimeout',
    });
    // A request that is given up is also ended: its connection, or a body that comes later, would stay for ever.
    const giveUp = new AbortController();
    const abortSignal = AbortSignal.any([this.#options.signal, giveUp.signal]);
    try {
      return await this.#client.send(command, { abortSignal });
    } catch (error) {
      giveUp.abort();
      throw error;
    }
  }

  /** Awaits S3 within the read timeout. An error while a body is read is a broken body, worth a resume. */
  async #waiting<T>(promise: Promise<T>, body?: Readable): Promise<T> {
    const { readTimeoutMs: limitMs, signal } = this.#options;
    const started = performance.now();
    try {
      return await awaitWithin(promise, { limitMs, signal, late: () => this.#stalled() });
    } catch (error) {
      if (body === undefined || error instanceof S3Error || signal.aborted) throw error;
      throw new BrokenBody(error instanceof Error ? error.message : String(error), { cause: error });
    } finally {
      this.waitMs += performance.now() - started;
    }
  }

  async #backOff(fruitless: number): Promise<void> {
    const ceiling = Math.min(MOST_BACKOFF_MS, FIRST_BACKOFF_MS * 4 ** fruitless);
    await delay(ceiling * (0.5 + Math.random() / 2), undefined, { signal: this.#options.signal });
  }

  #stalled(): S3Error {
    const { readTimeoutMs } = this.#options;
    return new S3Error(
      'ReadTimeout',
      `ReadTimeout: no byte came for ${readTimeoutMs} ms (read-timeout) after ${this.bytes} bytes (${this.#name})`,
    );
  }

  #replaced(): S3Error {
    return new S3Error(
      'PreconditionFailed',
      `PreconditionFailed: the object was replaced after it was listed (${this.#name})`,
    );
  }
}

/** A body that broke off before its end. */
class BrokenBody extends Error {}
