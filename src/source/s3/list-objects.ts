import { ListObjectsV2Command, type ListObjectsV2CommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { distinctPrefixes } from '../distinct-prefixes.ts';
import type { ListedObject } from '../object-source.ts';
import { awaitWithin } from './await-within.ts';
import { NOT_S3, S3Error, toS3Error } from './s3-error.ts';

export interface ListOptions {
  bucket: string;
  prefixes: readonly string[];
  /** Longest wait for one answer of S3 to its last byte, in ms. */
  limitMs: number;
  signal: AbortSignal;
}

/** What the SDK's further attempts at a page, and its pauses between them, may take besides the longest wait, in ms. */
const RETRIES_MS = 30_000;

/**
 * Lists a bucket page by page (up to 1000 objects each), one listing per prefix. Needs `s3:ListBucket` only.
 * A page that is not answered within `limitMs` ends the listing; one that S3 refuses for the time being is asked for
 * again. With all attempts and pauses a page takes `limitMs` and 30 s at most.
 * @throws S3Error, or the signal's reason when aborted
 */
export async function* listObjects(client: S3Client, options: ListOptions): AsyncGenerator<ListedObject[]> {
  const { bucket, prefixes, signal } = options;
  for (const prefix of distinctPrefixes(prefixes)) {
    const what = `s3://${bucket}/${prefix}`;
    let token: string | undefined;
    try {
      do {
        const command = new ListObjectsV2Command({
          Bucket: bucket,
          ...(prefix === '' ? {} : { Prefix: prefix }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        });
        const page = await sendWithin(client, command, options, what);
        if (!isListing(page)) throw new S3Error('NotS3', `NotS3: ${NOT_S3} (${what})`);
        yield (page.Contents ?? []).flatMap(({ Key, Size, ETag, LastModified }) =>
          Key === undefined || ETag === undefined
            ? []
            : [{ key: Key, size: Size ?? 0, etag: ETag, lastModified: LastModified ?? new Date(0) }],
        );
        const next = page.NextContinuationToken;
        // Some stores end with an empty one; the same one again would list for ever.
        token = next === '' || next === token ? undefined : next;
      } while (token !== undefined);
    } catch (error) {
      signal.throwIfAborted();
      throw toS3Error(error, what);
    }
  }
}

/** What any other XML, as a login page's, is read as has no member of a listing. */
function isListing({ Name, Prefix, IsTruncated, KeyCount, MaxKeys, Contents }: ListObjectsV2CommandOutput): boolean {
  return [Name, Prefix, IsTruncated, KeyCount, MaxKeys, Contents].some((member) => member !== undefined);
}

async function sendWithin(
  client: S3Client,
  command: ListObjectsV2Command,
  { limitMs, signal }: ListOptions,
  what: string,
): Promise<ListObjectsV2CommandOutput> {
  const late = (ms: number) => () =>
    new S3Error('ReadTimeout', `ReadTimeout: the bucket's listing was not answered within ${ms} ms (${what})`);
  // Around each attempt by itself, its body included: the SDK's pauses between two are no silence.
  command.middlewareStack.add((next) => (args) => awaitWithin(next(args), { limitMs, signal, late: late(limitMs) }), {
    step: 'finalizeRequest',
    priority: 'low',
    name: 'listingLimit',
  });
  const giveUp = new AbortController();
  const sent = client.send(command, { abortSignal: giveUp.signal });
  const longestMs = limitMs + RETRIES_MS;
  try {
    return await awaitWithin(sent, { limitMs: longestMs, signal, late: late(longestMs) });
  } catch (error) {
    // The connection of an answer that never comes would stay for ever.
    giveUp.abort();
    throw error;
  }
}
