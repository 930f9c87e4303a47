import { Readable } from 'node:stream';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { normalizeEtag } from './etag.ts';

/** What a store answered to GetObject, with what it says about the object's identity and length. */
export interface ObjectAnswer {
  /** HTTP's. */
  status: number | undefined;
  body: Readable;
  /** Offset in the object of the body's first byte; undefined for a part whose place the store does not name. */
  start: number | undefined;
  /** Length of the whole object, where the answer has it. */
  total: number | undefined;
  etag: string | undefined;
  /** In ms since 1970, to the second. */
  lastModified: number | undefined;
  /**
   * Whether another version would have another `lastModified` (RFC 9110, 8.8.2.2): it has the resolution of a second, so
   * only one that is older than the answer by more than that.
   */
  isLastModifiedStrong: boolean;
  contentEncoding: string | undefined;
  headers: Readonly<Record<string, string>>;
}

/** @returns undefined when there is no body to read */
export function toObjectAnswer(
  response: GetObjectCommandOutput,
  headers: Readonly<Record<string, string>>,
): ObjectAnswer | undefined {
  const { Body: body, $metadata } = response;
  if (!(body instanceof Readable)) return undefined;
  const length = toInteger(headers['content-length']);
  const range = /^bytes (\d{1,16})-\d{1,16}\/(\d{1,16}|\*)$/.exec(headers['content-range']?.trim() ?? '');
  const isWhole = $metadata.httpStatusCode === 200 && range === null;
  const lastModified = toTime(headers['last-modified']);
  const date = toTime(headers['date']);
  return {
    status: $metadata.httpStatusCode,
    body,
    start: isWhole ? 0 : toInteger(range?.[1]),
    total: isWhole ? length : toInteger(range?.[2]),
    etag: normalizeEtag(response.ETag),
    lastModified,
    isLastModifiedStrong: lastModified !== undefined && date !== undefined && date - lastModified > 1_000,
    contentEncoding: contentEncodingOf(headers['content-encoding']),
    headers,
  };
}

function toInteger(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

function toTime(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** Uploads by some SDKs leave `aws-chunked` in the header; the store has removed that framing. */
function contentEncodingOf(header: string | undefined): string | undefined {
  const codings = header?.split(',').map((coding) => coding.trim().toLowerCase()) ?? [];
  const left = codings.filter((coding) => coding !== '' && coding !== 'identity' && coding !== 'aws-chunked');
  return left.length === 0 ? undefined : left.join(', ');
}
