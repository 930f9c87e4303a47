import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { DirectGets } from './direct-gets.ts';
import { type ObjectAnswer, toObjectAnswer } from './object-answer.ts';
import { objectErrors } from './object-errors.ts';
import type { ObjectPin } from './object-pin.ts';
import { S3Error } from './s3-error.ts';

export interface ObjectRequestsOptions {
  bucket: string;
  key: string;
  /** The object's, as `s3://bucket/key`. */
  name: string;
  signal: AbortSignal;
  requesterPays?: boolean | undefined;
  /** Ways around the SDK, of the client's bucket. */
  direct?: DirectGets | undefined;
  /** Awaits an attempt of the SDK at the request, within the time limit for it. */
  waiting: <T>(attempt: Promise<T>) => Promise<T>;
}

/** A range of an object, asked for beside its other ranges. */
export interface RangeRequest {
  /** Offset of the first byte that is not asked for. */
  end: number;
  signal: AbortSignal;
  /** As that of `ObjectRequestsOptions`. */
  waiting: <T>(attempt: Promise<T>) => Promise<T>;
}

const requestSchema = z.object({ headers: z.record(z.string(), z.string()) });
const responseSchema = z.object({ headers: z.record(z.string(), z.string()) });

/**
 * GetObject for one object, in the form that its store understands: `If-Match`, `x-amz-checksum-mode` and
 * `Accept-Encoding: gzip` (the bytes as they are kept, where a store would unpack them on the way) are each given up
 * when the store cannot do with them.
 */
export class ObjectRequests {
  readonly #client: S3Client;
  readonly #options: ObjectRequestsOptions;
  /** Whether `If-Match` is sent. */
  #isConditional = true;
  /** Whether the store has said that the object does not match; its own ETag then has to say that it does. */
  #isContested = false;
  #wantsChecksum = true;
  #acceptEncoding: 'gzip' | 'identity' = 'gzip';

  constructor(client: S3Client, options: ObjectRequestsOptions) {
    this.#client = client;
    this.#options = options;
  }

  /**
   * Asks for the bytes from `offset` on, or for a range; with 0 for the whole object.
   * @throws what the SDK does, or S3Error
   */
  async get(offset: number, pin: ObjectPin, range?: RangeRequest): Promise<ObjectAnswer> {
    for (;;) {
      let answer: ObjectAnswer;
      try {
        answer = await this.#send(offset, pin.etag, range);
      } catch (error) {
        if (statusOf(error) === 416 && offset > 0) throw objectErrors.replaced(this.#options.name);
        if (this.#givesWay(error)) continue;
        throw error;
      }
      if (this.#isContested && answer.etag !== pin.etag) {
        answer.body.destroy();
        throw objectErrors.replaced(this.#options.name);
      }
      if (offset > 0 || this.#acceptEncoding === 'identity' || !pin.seemsTranscoded(answer)) return answer;
      answer.body.destroy();
      this.#acceptEncoding = 'identity';
    }
  }

  /** Whether to ask again without what the store refused. */
  #givesWay(error: unknown): boolean {
    const status = statusOf(error);
    if (status === 412 && this.#isConditional) {
      // Some stores compare ETags by spelling, or have others for it than those they list.
      this.#isConditional = false;
      this.#isContested = true;
      return true;
    }
    if (status !== 501 || !(this.#isConditional || this.#wantsChecksum)) return false;
    if (this.#isConditional) this.#isConditional = false;
    else this.#wantsChecksum = false;
    return true;
  }

  /** Whether the request has the form that all objects are asked for in first. */
  get #isAsFirst(): boolean {
    return this.#isConditional && this.#wantsChecksum && this.#acceptEncoding === 'gzip';
  }

  async #send(offset: number, etag: string | undefined, range: RangeRequest | undefined): Promise<ObjectAnswer> {
    const { bucket, key, name, requesterPays } = this.#options;
    const { signal, waiting } = range ?? this.#options;
    const direct = offset === 0 && this.#isAsFirst ? this.#options.direct : undefined;
    const answered = await direct?.get({ key, etag, waiting, signal });
    if (answered !== undefined) return answered;
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...(etag === undefined || !this.#isConditional ? {} : { IfMatch: etag }),
      ...(offset === 0 ? {} : { Range: `bytes=${offset}-${range === undefined ? '' : range.end - 1}` }),
      ...(requesterPays === true ? { RequestPayer: 'requester' } : {}),
    });
    // Not the command's ChecksumMode: the SDK would add its checksum up as well, and report a mismatch as a broken body.
    if (this.#wantsChecksum && offset === 0) {
      command.middlewareStack.add(
        (next) => (args) => {
          const { headers } = requestSchema.parse(args.request);
          Object.assign(args.request as object, { headers: { ...headers, 'x-amz-checksum-mode': 'ENABLED' } });
          return next(args);
        },
        { step: 'build', name: 'checksumMode' },
      );
    }
    let headers: Readonly<Record<string, string>> = {};
    let sent: unknown;
    // After the signature, which must not cover Accept-Encoding: proxies and Google change it.
    command.middlewareStack.add(
      (next) => async (args) => {
        const request = requestSchema.parse(args.request);
        Object.assign(args.request as object, {
          headers: { ...request.headers, 'accept-encoding': this.#acceptEncoding },
        });
        sent = args.request;
        const result = await next(args);
        headers = responseSchema.parse(result.response).headers;
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'headersAsSent' },
    );
    // Around each attempt by itself: the SDK's pauses between two do not count as a stall.
    command.middlewareStack.add((next) => (args) => waiting(next(args)), {
      step: 'finalizeRequest',
      priority: 'low',
      name: 'readTimeout',
    });
    // A request that is given up is also ended: its connection, or a body that comes later, would stay for ever.
    const giveUp = new AbortController();
    try {
      const response = await this.#client.send(command, { abortSignal: AbortSignal.any([signal, giveUp.signal]) });
      const answer = toObjectAnswer(response, headers);
      if (answer === undefined) throw new S3Error('NoBody', `NoBody: S3 answered without a body (${name})`);
      if (direct?.wantsPattern === true && answer.status === 200) await direct.learn(key, sent);
      return answer;
    } catch (error) {
      giveUp.abort();
      throw error;
    }
  }
}

const errorSchema = z.object({ $metadata: z.object({ httpStatusCode: z.number() }) });

function statusOf(error: unknown): number | undefined {
  return errorSchema.safeParse(error).data?.$metadata.httpStatusCode;
}
