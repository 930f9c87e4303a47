import { z } from 'zod';
import { ClientError, type FieldError } from '../errors/client-error.ts';
import { endpointOfHost, type S3Account } from '../source/s3/s3-account.ts';

/** `s3://<bucket-name>`; a trailing slash is forgiven and left out. */
export const bucketParam = z
  .string()
  .regex(/^s3:\/\/[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]\/?$/, {
    error: 'must have the form s3://<bucket-name>; paths go into prefixes',
  })
  .transform((bucket) => bucket.replace(/\/$/, ''))
  .describe('The bucket, as `s3://<bucket-name>`.');

/** Which part of a bucket is meant. */
export const prefixesParam = z
  .array(z.string())
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
    region: z
      .string()
      .regex(HOST_LABEL, { error: 'must be of letters, digits and hyphens, as us-east-1' })
      .describe('AWS region of the bucket.'),
    host: z
      .string()
      .refine(isHost, { error: 'must be a host, host:port or http(s)://host:port, without a path' })
      .optional()
      .describe('Host of an S3-compatible store, with scheme and port where needed. Default: `amazonaws.com`.'),
  })
  .describe(
    "Credentials. Without it the server's own AWS credentials apply (environment, profile, instance or pod role).",
  );

/** The account as the loader wants it. */
export function toS3Account(account: z.infer<typeof accountParam> | undefined): S3Account {
  if (account === undefined) return {};
  return {
    region: account.region,
    endpoint: account.host === undefined ? undefined : endpointOfHost(account.host),
    credentials: { accessKeyId: account['access-key-id'], secretAccessKey: account['secret-access-key'] },
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

/**
 * Parses a call's params, or says everything that is wrong with them at once.
 * @throws ClientError of kind `invalid-params`, one FieldError per wrong or unknown field
 */
export function parseParams<Params extends z.ZodType>(
  schema: Params,
  params: unknown,
  method: string,
): z.infer<Params> {
  const result = schema.safeParse(params, { error: describeIssue });
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => toFieldErrors(issue, schema));
  throw new ClientError('invalid-params', 'Invalid params', { method, errors });
}

const describeIssue: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'invalid_type') return undefined;
  return issue.input === undefined ? 'is required' : `must be of type ${issue.expected}`;
};

function toFieldErrors(issue: z.core.$ZodIssue, schema: z.ZodType): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [{ message: issue.message, path: path.join('.'), type: issue.code }];
  return issue.keys.map((key) => {
    const meant = similarKey(key, keysAt(schema, path));
    // Some names end in a question mark of their own.
    const hint = meant === undefined ? '' : `; did you mean ${meant.replace(/\?$/, '')}?`;
    return { message: `is no parameter of this method${hint}`, path: [...path, key].join('.'), type: issue.code };
  });
}

function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  let at: unknown = unwrap(schema);
  for (const step of path) at = at instanceof z.ZodObject ? unwrap(at.shape[step]) : undefined;
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.unwrap());
  return schema;
}

/** The key that is the same but for case, `_` for `-`, and a `?` too few or too many. */
function similarKey(key: string, keys: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  return keys.find((known) => plain(known) === plain(key));
}
