import { Argument, InvalidArgumentError } from 'commander';

/** The argument that names a bucket. */
export function bucketArgument(): Argument {
  return new Argument('<bucket>', 'the bucket, as s3://name').argParser(parseBucket);
}

/** The same where all buckets are meant without it. */
export function optionalBucketArgument(): Argument {
  return new Argument('[bucket]', 'the bucket, as s3://name; all loads without it').argParser(parseBucket);
}

function parseBucket(text: string): string {
  const [, bucket, prefix] = /^s3:\/\/(arn:[^/]+\/[^/]+|[^/]+)\/?(.*)$/s.exec(text) ?? [];
  if (bucket === undefined) throw new InvalidArgumentError('It must have the form s3://name.');
  if (prefix === '') return `s3://${bucket}`;
  throw new InvalidArgumentError(`A part of a bucket is named by a prefix: s3://${bucket} --prefix ${prefix}`);
}
