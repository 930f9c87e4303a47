import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Argument, InvalidArgumentError } from 'commander';
import { asError } from '../errors/as-error.ts';

/** The argument that names a bucket. */
export function bucketArgument(): Argument {
  return new Argument('<bucket>', 'the bucket, as s3://name, or a folder of the server, as file:///folder').argParser(
    parseBucket,
  );
}

/** The same where all buckets are meant without it. */
export function optionalBucketArgument(): Argument {
  return new Argument('[bucket]', 'the bucket, as s3://name or file:///folder; all loads without it').argParser(
    parseBucket,
  );
}

/** Whether this argument names a folder of the server's machine, which takes no credentials. */
export function isFolder(bucket: string): boolean {
  return bucket.startsWith('file:///');
}

function parseBucket(text: string): string {
  if (isFolder(text)) return parseFolder(text);
  const [, bucket, prefix] = /^s3:\/\/(arn:[^/]+\/[^/]+|[^/]+)\/?(.*)$/s.exec(text) ?? [];
  if (bucket === undefined) throw new InvalidArgumentError('It must have the form s3://name or file:///folder.');
  if (prefix === '') return `s3://${bucket}`;
  throw new InvalidArgumentError(`A part of a bucket is named by a prefix: s3://${bucket} --prefix ${prefix}`);
}

/** In the spelling that the server gives it, by which its files are found. */
function parseFolder(text: string): string {
  try {
    return pathToFileURL(resolve(fileURLToPath(text))).href;
  } catch (error) {
    throw new InvalidArgumentError(`It names no folder: ${asError(error).message}.`);
  }
}
