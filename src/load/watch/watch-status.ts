import { listWatches, type StoredWatch } from '../../store/bucket-watch/bucket-watch.ts';
import { findWatchHolder } from '../../store/bucket-watch/watch-lock.ts';
import type { Queryable } from '../../store/query.ts';
import { paceOf } from './pace.ts';
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
  /** Why the last listing failed, or why there is none any more; that one is overdue; that objects were found late. */
  message?: string;
}

const GONE =
  'Nobody lists the bucket: the process that had its credentials has ended or is out of reach. Call fhir-bucket-loader/watch again.';

/** A listing may take so long, or as long as the pace, before the status asks whether its replica hangs, in ms. */
const OVERDUE_MS = 60_000;

/** How a bucket's watch stands; undefined where it is not watched. */
export async function watchStatus(
  db: Queryable,
  bucket: string,
  watches: Pick<Watches, 'isOwn'>,
): Promise<WatchStatus | undefined> {
  const [watch] = await listWatches(db, bucket);
  if (watch === undefined) return undefined;
  const message = (await whyNotListed(db, watch, watches)) ?? watch.message ?? undefined;
  return {
    every: watch.every,
    'next-listing-at': watch.nextListingAt.toISOString(),
    'last-listing-at': watch.listedAt.toISOString(),
    ...(watch.failures === 0 ? {} : { failures: watch.failures }),
    ...(message === undefined ? {} : { message }),
  };
}

/** Why nobody lists a bucket, or nobody has for long; undefined where all is well. */
async function whyNotListed(
  db: Queryable,
  watch: StoredWatch,
  watches: Pick<Watches, 'isOwn'>,
): Promise<string | undefined> {
  const overdueMs = -watch.dueInMs;
  const isOverdue = overdueMs > Math.max(OVERDUE_MS, paceOf(watch.every) ?? 0);
  const isElsewhere = watch.process !== null && !watches.isOwn(watch);
  if (!isOverdue && !isElsewhere) return undefined;
  const holder = await findWatchHolder(db, watch.bucket);
  if (isElsewhere && holder === undefined) return GONE;
  return isOverdue ? overdueText(overdueMs, watch, holder) : undefined;
}

function overdueText(overdueMs: number, { process }: StoredWatch, holder: number | undefined): string {
  const since = `The listing is overdue by ${Math.round(overdueMs / 1_000)} s`;
  if (holder === undefined) return `${since}: no replica lists the bucket.`;
  const remedy =
    process === null
      ? `another one lists once its session has ended: select pg_terminate_backend(${holder})`
      : 'only that process has the credentials; if it hangs, call fhir-bucket-loader/watch again on another one';
  return `${since}: the replica whose session is backend ${holder} is at it still, or hangs; ${remedy}.`;
}
