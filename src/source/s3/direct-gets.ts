import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { escapeUriPath, HttpRequest } from '@smithy/core/protocols';
import { z } from 'zod';
import { type ObjectAnswer, toObjectAnswer } from './object-answer.ts';
import { S3Error } from './s3-error.ts';

/** How long the SDK alone asks a store that has not answered with an object, in ms: it knows how to wait, to be redirected, to say why. */
const SDK_ALONE_MS = 60_000;

/** Of each request by itself, or added after the signature. */
const OWN_HEADERS = new Set([
  'authorization',
  'accept-encoding',
  'amz-sdk-invocation-id',
  'amz-sdk-request',
  'if-match',
  'range',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
]);

const sentSchema = z.object({
  method: z.literal('GET'),
  protocol: z.string(),
  hostname: z.string(),
  port: z.number().optional(),
  path: z.string(),
  query: z.record(z.string(), z.string()),
  username: z.undefined().optional(),
  fragment: z.undefined().optional(),
  headers: z.record(z.string(), z.string()),
});

/** What all requests for a bucket's objects have in common. */
interface Common extends Pick<z.output<typeof sentSchema>, 'protocol' | 'hostname' | 'port' | 'query' | 'headers'> {
  /** The path without the key. */
  folder: string;
  region: string;
  signer: { sign: (request: HttpRequest, options: SigningOptions) => Promise<{ headers: Record<string, string> }> };
}

interface SigningOptions {
  signingDate: Date;
  signingRegion: string;
  signingService: string;
}

export interface DirectGetOptions {
  key: string;
  /** The object's, quoted, for `If-Match`. */
  etag: string | undefined;
  /** Awaits the answer, within the time limit for it. */
  waiting: <T>(answer: Promise<T>) => Promise<T>;
  signal: AbortSignal;
}

/**
 * GetObject for whole objects of one bucket, as the SDK's client sends it, without the SDK's steps: of each request they are 0.7 of
 * 1.1 CPU ms. A request of the SDK that the store has answered is the pattern for the next ones: another key, another
 * date, and signed by the SDK's signer with its credentials. Whatever does not end in an object is left to the SDK.
 */
export class DirectGets {
  readonly #client: S3Client;
  #common: Common | undefined;
  #notBefore = 0;

  constructor(client: S3Client) {
    this.#client = client;
  }

  /** Whether a request of the SDK would be a pattern. */
  get wantsPattern(): boolean {
    return this.#common === undefined && performance.now() >= this.#notBefore;
  }

  /** @param request of the SDK for a whole object, signed, that the store has answered with the object */
  async learn(key: string, request: unknown): Promise<void> {
    const sent = sentSchema.safeParse(request).data;
    if (sent === undefined || !isPlain(key)) return;
    // Others (sigv4a, sessions of S3 Express) are signed in another way, and a request without a signature needs none.
    const scope = /^AWS4-HMAC-SHA256 Credential=[^,]+\/\d{8}\/([^/,]+)\/s3\/aws4_request,/.exec(
      sent.headers['authorization'] ?? '',
    );
    const path = escapeUriPath(key);
    const region = scope?.[1];
    if (region === undefined || 'x-amz-s3session-token' in sent.headers || !sent.path.endsWith(`/${path}`)) return;
    const { protocol, hostname, port, query } = sent;
    const headers = Object.fromEntries(Object.entries(sent.headers).filter(([name]) => !OWN_HEADERS.has(name)));
    const folder = sent.path.slice(0, -path.length);
    const signer = await this.#client.config.signer();
    this.#common = { protocol, hostname, port, query, headers, folder, region, signer };
  }

  /**
   * @returns undefined where the SDK is to ask
   * @throws S3Error where the time is up, or the signal's reason
   */
  async get({ key, etag, waiting, signal }: DirectGetOptions): Promise<ObjectAnswer | undefined> {
    const common = this.#common;
    if (common === undefined || !isPlain(key)) return undefined;
    const { protocol, hostname, port, query, folder, region, signer } = common;
    // A request that is given up is also ended: its connection, or a body that comes later, would stay for ever.
    const giveUp = new AbortController();
    try {
      const headers = { ...common.headers, ...(etag === undefined ? {} : { 'if-match': etag }) };
      const path = `${folder}${escapeUriPath(key)}`;
      const request = new HttpRequest({
        method: 'GET',
        protocol,
        hostname,
        path,
        query,
        headers,
        ...(port === undefined ? {} : { port }),
      });
      const { systemClockOffset, requestHandler } = this.#client.config;
      const signingDate = new Date(Date.now() + systemClockOffset);
      const signed = await signer.sign(request, { signingDate, signingRegion: region, signingService: 's3' });
      // After the signature, as where the SDK asks.
      request.headers = { ...signed.headers, 'accept-encoding': 'gzip' };
      const abortSignal = AbortSignal.any([signal, giveUp.signal]);
      const { response } = await waiting(requestHandler.handle(request, { abortSignal }));
      const { statusCode, headers: answered, body } = response;
      if (statusCode === 200) {
        const $metadata = { httpStatusCode: statusCode };
        return toObjectAnswer(
          { Body: body, $metadata, ...('etag' in answered ? { ETag: answered['etag'] } : {}) },
          answered,
        );
      }
      // Nobody reads why: the SDK asks again.
      if (body instanceof Readable) body.on('error', () => {}).destroy();
    } catch (error) {
      giveUp.abort();
      signal.throwIfAborted();
      if (error instanceof S3Error) throw error;
    }
    giveUp.abort();
    this.#common = undefined;
    this.#notBefore = performance.now() + SDK_ALONE_MS;
    return undefined;
  }
}

/** Whether each part of a key stands in a path as it does in the key. */
function isPlain(key: string): boolean {
  return key.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
