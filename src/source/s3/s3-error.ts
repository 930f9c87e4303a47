import { z } from 'zod';
import { FileError } from '../../errors/file-error.ts';
import { PrivateHostError } from './private-hosts.ts';
import { ACCESS_ADVICE, ACCESS_DENIED, adviceOn, INVALID_ACCOUNT, isTlsMismatch, NOT_FOUND } from './s3-error-table.ts';

/** A failure of S3, or of the way to it, in words for the user. */
export class S3Error extends FileError {
  override readonly name = 'S3Error';

  constructor(code: string, message: string, options: { transient?: boolean; cause?: unknown } = {}) {
    super(message, { source: 'aws', code, ...options });
  }
}

/** No connection within `connect-timeout`. Not an error that the SDK tries again by itself. */
export class ConnectTimeoutError extends Error {
  override readonly name = 'ConnectTimeoutError';
}

const TRANSIENT = new Set([
  'SlowDown',
  'ServiceUnavailable',
  'InternalError',
  'RequestTimeout',
  'Throttling',
  'ThrottlingException',
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
]);

/** In the place of S3 somebody else answered. */
export const NOT_S3 = 'the host is not an S3 store, or a proxy before it answered; check `account.host`';

/**
 * Puts any error of the SDK or of the network into words: S3's own code first, what it says, then what to do.
 * @param what the object or bucket that was asked for, as the user knows it: `s3://bucket/key`
 */
export function toS3Error(error: unknown, what: string): S3Error {
  if (error instanceof S3Error) return error;
  const { name, code, status, contentType, message } = readError(error);
  const word = name === 'Error' || name === 'AggregateError' || name === 'TimeoutError' ? (code ?? name) : name;
  const isTransientStatus = status !== undefined && status >= 500 && status !== 501;
  const describe = (outCode: string, text: string) =>
    new S3Error(outCode, `${outCode}: ${text} (${what})`, {
      transient: TRANSIENT.has(word) || isTransientStatus,
      cause: error,
    });
  if (error instanceof PrivateHostError) return new S3Error('PrivateHost', error.message);
  if (error instanceof ConnectTimeoutError) return describe('ConnectTimeout', error.message);
  if (word === 'CredentialsProviderError') {
    return describe('InvalidAccount', 'no AWS credentials found; give `account`, or set up the default chain');
  }
  if (INVALID_ACCOUNT.has(word) || status === 401) {
    return describe('InvalidAccount', `the key id or secret is not valid; the store says ${word}: ${message}`);
  }
  if (word === 'NoSuchBucket') {
    return describe('NoSuchKey', 'the bucket does not exist; check its name, `account.host` and `account.region`');
  }
  if (NOT_FOUND.has(word)) return describe('NoSuchKey', 'the bucket or object does not exist');
  if (status === 412) return describe('PreconditionFailed', 'the object was replaced after it was listed');
  if (isTlsMismatch(word, message)) {
    return describe(
      'NotTls',
      'the host does not speak TLS on this port; use http:// in `account.host` if that is intended',
    );
  }
  const advice = adviceOn(word, status);
  if (advice !== undefined) return describe(word, `${message}; ${advice}`);
  if (ACCESS_DENIED.has(word) || (status === 403 && word.startsWith('HTTP'))) {
    const said = word.startsWith('HTTP') ? 'access denied' : `access denied: ${message}`;
    return describe('AccessDenied', `${said}; ${ACCESS_ADVICE}`);
  }
  // The SDK gives this one no name and no code.
  if (message.startsWith('Region is missing')) {
    return describe('NoRegion', 'no AWS region; give `account` with its `region`, or start the loader with AWS_REGION');
  }
  // An answer with success that the SDK could not read: a page, or a listing that broke off.
  if (word === 'Error' && status === 200) {
    return contentType?.includes('xml') === true
      ? describe('IncompleteBody', 'the answer broke off')
      : describe('NotS3', NOT_S3);
  }
  const [reason = '', hint = ''] = message.split(/\n\s*/);
  if (word === 'TypeError' && hint.startsWith(UNREADABLE)) {
    return describe('UnreadableAnswer', `the store's answer cannot be read: ${reason}`);
  }
  return describe(word, message);
}

/** How the SDK goes on after the reason for which it could not read an answer: a time that is none, in a listing or a header. */
const UNREADABLE = 'Deserialization error';

const unreadableSchema = z.object({ $response: z.object({ headers: z.object({ 'content-type': z.string() }) }) });

interface ReadError {
  name: string;
  message: string;
  code?: string;
  /** Of the answer, where there was one. */
  status?: number;
  contentType?: string;
}

function readError(error: unknown): ReadError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const metadata = '$metadata' in error && typeof error.$metadata === 'object' ? error.$metadata : undefined;
  const status =
    metadata && 'httpStatusCode' in metadata && typeof metadata.httpStatusCode === 'number'
      ? metadata.httpStatusCode
      : undefined;
  // The SDK's names for an answer without a body, or with one that is not XML.
  if (status !== undefined && status !== 200 && (error.name === 'Unknown' || error.name === 'Error')) {
    return { name: `HTTP${status}`, message: `HTTP ${status} without a reason`, status };
  }
  return {
    name: error.name,
    message: error.message === '' ? (code ?? error.name) : error.message,
    ...(code === undefined ? {} : { code }),
    ...(status === undefined ? {} : { status }),
    ...contentTypeOf(error),
  };
}

/** The SDK hands on an answer that it could not read. */
function contentTypeOf(error: Error): { contentType?: string } {
  const { data } = unreadableSchema.safeParse(error);
  return data === undefined ? {} : { contentType: data.$response.headers['content-type'] };
}
