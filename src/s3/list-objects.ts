import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { toS3Error } from './s3-error.ts';

/** An object as listed. */
export interface ListedObject {
  key: string;
  /** Size in bytes. */
  size: number;
  etag: string;
  lastModified: Date;
}

/**
 * Leaves out each prefix that another one covers, so that no object is listed twice.
 * No prefix at all means the whole bucket: one empty prefix.
 */
export function distinctPrefixes(prefixes: readonly string[]): string[] {
  if (prefixes.length === 0) return [''];
  const unique = [...new Set(prefixes)];
  return unique.filter((prefix) => !unique.some((other) => other !== prefix && prefix.startsWith(other)));
}

/**
 * Lists a bucket page by page (up to 1000 objects each), one listing per prefix. Needs `s3:ListBucket` only.
 * @throws S3Error
 */
export async function* listObjects(
  client: S3Client,
  bucket: string,
  prefixes: readonly string[],
): AsyncGenerator<ListedObject[]> {
  for (const prefix of distinctPrefixes(prefixes)) {
    try {
      const input = { Bucket: bucket, ...(prefix === '' ? {} : { Prefix: prefix }) };
      for await (const page of paginateListObjectsV2({ client }, input)) {
        yield (page.Contents ?? []).flatMap(({ Key, Size, ETag, LastModified }) =>
          Key === undefined || ETag === undefined
            ? []
            : [{ key: Key, size: Size ?? 0, etag: ETag, lastModified: LastModified ?? new Date(0) }],
        );
      }
    } catch (error) {
      throw toS3Error(error, `s3://${bucket}/${prefix}`);
    }
  }
}
