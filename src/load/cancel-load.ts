import type pg from 'pg';
import { ClientError } from '../errors/client-error.ts';
import { cancelCalls, findWriteOptions } from '../store/bucket-load/bucket-load.ts';
import type { Listings } from './listings.ts';
import type { LoadQueries, WatchedStatus } from './load-queries.ts';
import type { RunningLoads } from './running-loads.ts';
import type { Watches } from './watch/watches.ts';

export interface CancelLoadDeps {
  pool: pg.Pool;
  listings: Listings;
  loads: RunningLoads;
  watches: Watches;
  queries: LoadQueries;
}

/**
 * Cancels the bucket's load on all replicas: they begin no further file, and those in flight roll back to the queue.
 * Calls to this process that still list the bucket end as well, and so does the bucket's watch, if it has one.
 * @returns the status just before
 * @throws ClientError when nobody loads the bucket
 */
export async function cancelLoad(
  bucket: string,
  { pool, listings, loads, watches, queries }: CancelLoadDeps,
): Promise<WatchedStatus> {
  const ended = listings.cancel(bucket);
  if (ended > 0 && (await findWriteOptions(pool, bucket)) === undefined)
    return { state: 'interrupted', progress: { total: 0 } };
  const status = await queries.status(bucket);
  const isLoading = status.state === 'in-progress';
  if (!isLoading && ended === 0) {
    const watched = status.watch === undefined ? '' : ' It is watched: fhir-bucket-loader/unwatch ends that.';
    throw new ClientError(
      'domain-error',
      `Bucket <${bucket}> is not being loaded; its state is ${status.state}.${watched}`,
    );
  }
  // Its next listing would begin again what is cancelled.
  await watches.remove(bucket);
  if (!isLoading) return status;
  await cancelCalls(pool, bucket);
  loads.cancel(bucket);
  return status;
}
