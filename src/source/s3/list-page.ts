import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { capText } from '../../errors/cap-text.ts';
import { compareKeys } from '../key-order.ts';
import type { ListedObject } from '../object-source.ts';
import { normalizeEtag } from './etag.ts';
import { NOT_S3, S3Error } from './s3-error.ts';

/** Where a listing goes on: by version 2's token, or after a key by version 1's marker, which every store knows. */
export type ListingPlace = { token: string } | { marker: string };

/** One page of a listing. */
export interface ListingPage {
  objects: ListedObject[];
  /** Undefined on the last page. */
  next: ListingPlace | undefined;
}

/** AWS's, where a page does not name its own. */
const DEFAULT_PAGE_SIZE = 1000;

/** AWS's have some hundred characters. They are kept, to know one that comes again. */
const MOST_TOKEN_CHARACTERS = 4096;

export interface PageRequest {
  bucket: string;
  prefix: string;
  place: ListingPlace | undefined;
  /** The key after which the first page begins. */
  after?: string | undefined;
  requesterPays?: boolean | undefined;
}

const requestSchema = z.object({ query: z.record(z.string(), z.unknown()) });

/** The request for the page at a place; the first one without. Keys come percent-encoded: XML has no control characters. */
export function pageRequest({ bucket, prefix, place, after, requesterPays }: PageRequest): ListObjectsV2Command {
  const command = new ListObjectsV2Command({
    Bucket: bucket,
    EncodingType: 'url',
    ...(prefix === '' ? {} : { Prefix: prefix }),
    ...(requesterPays === true ? { RequestPayer: 'requester' as const } : {}),
    ...(place === undefined && after !== undefined ? { StartAfter: after } : {}),
    ...(place !== undefined && 'token' in place ? { ContinuationToken: place.token } : {}),
  });
  if (place === undefined || 'token' in place) return command;
  // Version 1 differs by these two alone, of the fields used here.
  command.middlewareStack.add(
    (next) => (args) => {
      const { 'list-type': _, ...query } = requestSchema.parse(args.request).query;
      Object.assign(args.request as object, { query: { ...query, marker: place.marker } });
      return next(args);
    },
    { step: 'build', name: 'listByMarker' },
  );
  return command;
}

/**
 * Reads an answer as a page of a listing.
 * @param what the bucket and prefix, as the user knows them
 * @param seenTokens of the pages before; the page's own is added
 * @throws S3Error when it is not a listing, or is incomplete without a token for the next page
 */
export function toListingPage(
  answer: ListObjectsV2CommandOutput,
  { prefix, place, what, seenTokens }: PageContext,
): ListingPage {
  if (!isListing(answer)) throw new S3Error('NotS3', `NotS3: ${NOT_S3} (${what})`);
  const objects = (answer.Contents ?? []).map(({ Key, Size, ETag, LastModified }) => {
    if (Key === undefined || Key === '') throw incomplete(what, 'an object is listed without its key');
    // The SDK makes NaN of what is not a number.
    if (Size !== undefined && !(Number.isSafeInteger(Size) && Size >= 0)) {
      throw incomplete(
        what,
        `the object ${JSON.stringify(capText(Key))} is listed with a size that is not a number of bytes`,
      );
    }
    return {
      key: answer.EncodingType === 'url' ? decodeKey(Key) : Key,
      size: Size,
      etag: normalizeEtag(ETag),
      lastModified: LastModified,
    };
  });
  const marker = place !== undefined && 'marker' in place ? place.marker : undefined;
  if (marker !== undefined && objects.some(({ key }) => compareKeys(key, marker) <= 0)) {
    throw incomplete(what, 'asked for what comes after a key, the store begins before it');
  }
  const next = nextPlace(answer, objects, { seenTokens, what, byMarker: marker !== undefined });
  // A store that ignores the prefix lists objects that nobody asked for.
  return { objects: objects.filter(({ key }) => key.startsWith(prefix)), next };
}

export interface PageContext {
  prefix: string;
  place: ListingPlace | undefined;
  what: string;
  seenTokens: Set<string>;
}

function nextPlace(
  answer: ListObjectsV2CommandOutput,
  objects: readonly ListedObject[],
  { seenTokens, what, byMarker }: { seenTokens: Set<string>; what: string; byMarker: boolean },
): ListingPlace | undefined {
  const { IsTruncated, NextContinuationToken: token = '', MaxKeys = DEFAULT_PAGE_SIZE } = answer;
  if (token.length > MOST_TOKEN_CHARACTERS) throw incomplete(what, 'the continuation token has no end');
  if (token !== '' && !byMarker && !seenTokens.has(token)) {
    seenTokens.add(token);
    return { token };
  }
  // A token that comes again would list for ever, and not all.
  const isMore = IsTruncated ?? ((token !== '' && !byMarker) || objects.length >= MaxKeys);
  if (!isMore) return undefined;
  const keys = objects.map(({ key }) => key);
  const last = keys.at(-1);
  if (last === undefined) throw incomplete(what, 'more objects are announced, but not how to list them');
  if (keys.some((key, n) => n > 0 && compareKeys(key, keys[n - 1] ?? '') <= 0)) {
    throw incomplete(what, 'more objects are announced without a token, and keys are not in order');
  }
  return { marker: last };
}

function incomplete(what: string, reason: string): S3Error {
  return new S3Error('IncompleteListing', `IncompleteListing: ${reason}; nothing is queued (${what})`);
}

/** S3 writes a space as `+` and a plus as `%2B`. A key that cannot be decoded was not encoded. */
function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return encoded;
  }
}

/** What any other XML, as a login page's, is read as has no member of a listing. */
function isListing({ Name, Prefix, IsTruncated, MaxKeys, Contents }: ListObjectsV2CommandOutput): boolean {
  return [Name, Prefix, IsTruncated, MaxKeys, Contents].some((member) => member !== undefined);
}
