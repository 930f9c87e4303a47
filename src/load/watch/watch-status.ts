import { listWatches } from '../../store/bucket-watch/bucket-watch.ts';
import { isWatchHeld } from '../../store/bucket-watch/watch-lock.ts';
import type { Queryable } from '../../store/query.ts';
import type { Watches } from './watches.ts';

/** What a status says of a watched bucket; wire names. */
export interface WatchStatus {
  every: string;
  /** Times in ISO 8601, UTC. */
  'next-listing-at': string;
  /** When it was last listed without failure. */
  'last-listing-at': string;
  /** Listings in a row that failed; absent when the last did not. */
  failures?: number;
  /** Why the last listing failed, or why there is none any more; that objects were found late. */
  message?: string;
}

const GONE =
  'Nobody lists the bucket: the process that had its credentials has ended or is out of reach. Call fhir-bucket-loader/watch again.';

/** How a bucket's watch stands; undefined where it is not watched. */
export async function watchStatus(
  db: Queryable,
  bucket: string,
  watches: Pick<Watches, 'isOwn'>,
): Promise<WatchStatus | undefined> {
  const [watch] = await listWatches(db, bucket);
  if (watch === undefined) return undefined;
  const isGone = watch.process !== null && !watches.isOwn(watch) && !(await isWatchHeld(db, bucket));
  const message = isGone ? GONE : (watch.message ?? undefined);
  return {
    every: watch.every,
    'next-listing-at': watch.nextListingAt.toISOString(),
    'last-listing-at': watch.listedAt.toISOString(),
    ...(watch.failures === 0 ? {} : { failures: watch.failures }),
    ...(message === undefined ? {} : { message }),
  };
}
