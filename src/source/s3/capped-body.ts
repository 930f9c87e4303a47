import { pipeline, Readable, Transform, type TransformCallback } from 'node:stream';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { secretsOf, WithoutSecrets } from './echoed-secrets.ts';
import { S3Error } from './s3-error.ts';

/**
 * Longest answer that is kept in memory, in bytes: a page of 1000 keys of 1024 bytes, percent-encoded, is 3.4 MB. The XML
 * is parsed on the thread that asks, and each MB of it takes some 50 ms.
 */
const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/** Longest error answer; S3's own have less than 1 kB. */
const MOST_ERROR_BYTES = 64 * 1024;

type Handle = NodeHttpHandler['handle'];

/**
 * Puts an end to an answer of the store that is read to its end before anything is done with it, which is every one but an
 * object's bytes. Without one a store could fill the memory. An error comes without the secrets of its request.
 */
export function capAnswer(request: Parameters<Handle>[0], { response }: Awaited<ReturnType<Handle>>): void {
  const { body, statusCode } = response;
  const isObject = statusCode < 300 && request.query?.['x-id'] === 'GetObject';
  if (isObject || !(body instanceof Readable)) return;
  const limit = statusCode < 300 ? MOST_KEPT_BYTES : MOST_ERROR_BYTES;
  const capped = new CappedBody(limit, request.hostname);
  const secrets = statusCode < 300 ? [] : secretsOf(request.headers);
  const kept = secrets.length === 0 ? capped : new WithoutSecrets(secrets);
  // The store's stream ends with this one, and its connection with it.
  if (kept === capped) pipeline(body, capped, () => {});
  else pipeline(body, capped, kept, () => {});
  response.body = kept;
}

class CappedBody extends Transform {
  readonly #limit: number;
  readonly #host: string;
  #bytes = 0;

  constructor(limit: number, host: string) {
    super();
    this.#limit = limit;
    this.#host = host;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#limit) done(null, chunk);
    else {
      done(new S3Error('AnswerTooLarge', `AnswerTooLarge: ${this.#host} answered with more than ${this.#limit} bytes`));
    }
  }
}
