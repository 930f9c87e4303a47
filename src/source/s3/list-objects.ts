import type { ListObjectsV2Command, ListObjectsV2CommandOutput, S3Client } from '@aws-sdk/client-s3';
import { awaitWithin } from '../../errors/await-within.ts';
import { distinctPrefixes } from '../distinct-prefixes.ts';
import type { ListedObject } from '../object-source.ts';
import { type ListingPlace, pageRequest, toListingPage } from './list-page.ts';
import { S3Error, toS3Error } from './s3-error.ts';

export interface ListOptions {
  bucket: string;
  prefixes: readonly string[];
  /** Longest wait for one answer of S3 to its last byte, in ms. */
  limitMs: number;
  signal: AbortSignal;
  /** By prefix: the key after which its listing begins. */
  after?: ReadonlyMap<string, string> | undefined;
  /** Whether the account agrees to pay for its requests. */
  requesterPays?: boolean | undefined;
}

/** What the SDK's further attempts at a page, and its pauses between them, may take besides the longest wait, in ms. */
const RETRIES_MS = 30_000;

/** Pages in a row without an object that is wanted; some stores have a few, where many objects were deleted. */
const MOST_EMPTY_PAGES = 1_000;

/**
 * Lists a bucket page by page (up to 1000 objects each), one listing per prefix. Needs `s3:ListBucket` only.
 * A page that is not answered within `limitMs` ends the listing; one that S3 refuses for the time being is asked for
 * again. With all attempts and pauses a page takes `limitMs` and 30 s at most.
 * @throws S3Error, or the signal's reason when aborted
 */
export async function* listObjects(client: S3Client, options: ListOptions): AsyncGenerator<ListedObject[]> {
  const { bucket, prefixes, signal, after, requesterPays } = options;
  for (const prefix of distinctPrefixes(prefixes)) {
    const what = `s3://${bucket}/${prefix}`;
    const seenTokens = new Set<string>();
    let place: ListingPlace | undefined;
    let emptyPages = 0;
    try {
      do {
        const answer = await sendWithin(
          client,
          pageRequest({ bucket, prefix, place, after: after?.get(prefix), requesterPays }),
          options,
          what,
        );
        const page = toListingPage(answer, { prefix, place, what, seenTokens });
        emptyPages = page.objects.length === 0 ? emptyPages + 1 : 0;
        if (emptyPages > MOST_EMPTY_PAGES) {
          throw new S3Error(
            'IncompleteListing',
            `IncompleteListing: ${emptyPages} pages in a row list nothing (${what})`,
          );
        }
        yield page.objects;
        place = page.next;
      } while (place !== undefined);
    } catch (error) {
      signal.throwIfAborted();
      throw toS3Error(error, what);
    }
  }
}

async function sendWithin(
  client: S3Client,
  command: ListObjectsV2Command,
  { limitMs, signal }: ListOptions,
  what: string,
): Promise<ListObjectsV2CommandOutput> {
  const late = (ms: number) => () =>
    new S3Error('ReadTimeout', `ReadTimeout: the bucket's listing was not answered within ${ms} ms (${what})`);
  // Around each attempt by itself, its body included: the SDK's pauses between two do not count as silence.
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
