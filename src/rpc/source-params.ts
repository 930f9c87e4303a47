import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { endpointOfHost, type S3Account } from '../source/s3/s3-account.ts';
import type { SourceAddress } from '../source/sources.ts';
import { textProblem } from '../text/storable-text.ts';

const S3_BUCKET = /^s3:\/\/[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]\/?$/;

/** The parts of an ARN before its resource, of one region: those of several regions need another signature. */
const ARN = [/^s3$/, /^\/\/arn$/, /^aws[a-z-]*$/, /^s3(?:-object-lambda|-outposts)?$/, /^[a-z0-9-]+$/, /^\d{12}$/];

/** An access point, of an Outpost or an Object Lambda too. */
const ACCESS_POINT = /^(?:outpost[/:][A-Za-z0-9-]+[/:])?accesspoint[/:][a-z0-9-]+\/?$/;

function isAccessPoint(bucket: string): boolean {
  const parts = bucket.split(':');
  return ARN.every((part, n) => part.test(parts[n] ?? '')) && ACCESS_POINT.test(parts.slice(ARN.length).join(':'));
}

/** `s3://<bucket-name>` or `file:///<folder>`, in one spelling: without a trailing slash. */
export const bucketParam = z
  .string()
  .refine((bucket) => S3_BUCKET.test(bucket) || isAccessPoint(bucket) || folderOf(bucket) !== undefined, {
    error: 'must have the form s3://<bucket-name> or file:///<folder>; paths in a bucket go into prefixes',
  })
  .transform((bucket) => {
    const folder = folderOf(bucket);
    return folder === undefined ? bucket.replace(/\/$/, '') : pathToFileURL(folder).href;
  })
  .describe(
    "The bucket, as `s3://<bucket-name>`, an access point's alias or ARN in the place of the name; or a folder of the " +
      'server, as `file:///<folder>`.',
  );

/** The folder that a `file:` URL names, as an absolute path; undefined for any other text. */
function folderOf(bucket: string): string | undefined {
  const url = bucket.startsWith('file:///') && URL.canParse(bucket) ? new URL(bucket) : undefined;
  if (url === undefined || url.search !== '' || url.hash !== '') return undefined;
  try {
    const path = resolve(fileURLToPath(url));
    return textProblem(path) === undefined ? path : undefined;
  } catch {
    // A slash, or bytes that are not UTF-8, are written as %…
    return undefined;
  }
}

/** Each is a listing of its own. */
const MOST_PREFIXES = 1_000;
const MOST_PREFIX_BYTES = 1_024;

/** Which part of a bucket is meant. */
export const prefixesParam = z
  .array(
    z.string().refine((prefix) => Buffer.byteLength(prefix) <= MOST_PREFIX_BYTES, {
      error: `must have ${MOST_PREFIX_BYTES} bytes at most, as an object's key has`,
    }),
  )
  .max(MOST_PREFIXES, { error: `must be ${MOST_PREFIXES} at most; a shorter prefix covers the longer ones` })
  .default([])
  .describe('Only objects whose keys start with one of these. Default: all.');

/** What a request's signature names goes into its headers. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** What the SDK takes; stores of their own have regions such as `auto` or `RegionOne`. */
const HOST_LABEL = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/;

/** Credentials and address of the bucket's store. */
export const accountParam = z
  .strictObject({
    'access-key-id': z
      .string()
      .regex(VISIBLE_ASCII, { error: 'must be of visible ASCII characters, without spaces or line breaks' })
      .describe('AWS key ID.'),
    'secret-access-key': z.string().min(1).describe('AWS secret key. Never stored, never logged.'),
    'session-token': z
      .string()
      .regex(VISIBLE_ASCII, { error: 'must be of visible ASCII characters, without spaces or line breaks' })
      .optional()
      .describe('Session token of temporary credentials. Never stored, never logged.'),
    region: z
      .string()
      .regex(HOST_LABEL, { error: 'must be of letters, digits and hyphens, as us-east-1' })
      .describe('AWS region of the bucket.'),
    host: z
      .string()
      .refine(isHost, { error: 'must be a host, host:port or http(s)://host:port, perhaps with a path' })
      .optional()
      .describe(
        'Host of an S3-compatible store, or of AWS as a VPC endpoint, with scheme, port and path where needed. ' +
          'Default: `amazonaws.com`.',
      ),
    'path-style?': z
      .boolean()
      .optional()
      .describe(
        "Whether the bucket's name stands in the path; false: in the host name, as some stores demand. " +
          'Default: true at a `host`, false at AWS.',
      ),
  })
  .describe(
    "Credentials. Without it the server's own AWS credentials apply (environment, profile, instance or pod role).",
  );

/** Who pays. AWS refuses requests to "requester pays" buckets without it. */
export const requestPayerParam = z
  .literal('requester')
  .optional()
  .describe('`requester`: the account pays for its requests, as "requester pays" buckets demand.');

/** The params of a call that say where its files come from. */
export interface SourceParams {
  bucket: z.infer<typeof bucketParam>;
  account?: z.infer<typeof accountParam> | undefined;
  'request-payer'?: z.infer<typeof requestPayerParam>;
  'connect-timeout': number;
  'read-timeout': number;
}

/** Whether `account` says something of this bucket: a folder has none. */
export function takesAccount(bucket: string): boolean {
  return folderOf(bucket) === undefined;
}

/** The source that a call means. */
export function toSource({ bucket, account, ...timeouts }: SourceParams): SourceAddress {
  const folder = folderOf(bucket);
  if (folder !== undefined) return { kind: 'folder', path: folder };
  return {
    kind: 's3',
    bucket: bucket.replace(/^s3:\/\//, ''),
    account: { ...toS3Account(account), requesterPays: timeouts['request-payer'] === 'requester' },
    timeouts: { connectTimeoutMs: timeouts['connect-timeout'], readTimeoutMs: timeouts['read-timeout'] },
  };
}

function toS3Account(account: SourceParams['account']): S3Account {
  if (account === undefined) return {};
  return {
    region: account.region,
    endpoint: account.host === undefined ? undefined : endpointOfHost(account.host),
    pathStyle: account['path-style?'],
    credentials: {
      accessKeyId: account['access-key-id'],
      secretAccessKey: account['secret-access-key'],
      sessionToken: account['session-token'],
    },
  };
}

function isHost(host: string): boolean {
  try {
    endpointOfHost(host);
    return true;
  } catch {
    return false;
  }
}
