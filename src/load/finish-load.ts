import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { restoreIndexes } from '../indexes/restore-indexes.ts';
import { leaveFinish, leaveIndexesOff, leaveOrFinishLoad, tryFinishLoad } from '../store/bucket-load/load-lock.ts';
import { listIndexesToRestore } from '../store/disabled-index/disabled-index.ts';
import { flushCommits } from '../store/flush-commits.ts';
import { listBucketTypes } from '../store/loader-file/list-bucket-types.ts';
import type { Queryable } from '../store/query.ts';
import { resolveTables } from '../store/resource-tables.ts';
import { pause } from './backoff.ts';
import type { LoadObserver } from './load-observer.ts';

export interface FinishLoadOptions {
  pool: pg.Pool;
  buildPool: pg.Pool;
  session: Queryable;
  bucket: string;
  /** Types that this process has loaded; the bucket's LoaderFiles, if not deleted meanwhile, name all. */
  types: Iterable<string>;
  log: Logger;
  observer: LoadObserver;
  /** Aborted when the server shuts down: an index that is being made is given up. */
  signal: AbortSignal;
}

/** How often one who is not the last looks whether the finisher is done, in ms. */
const POLL_MS = 1_000;

/**
 * What the last replica out does: bring dropped indexes back, and make durable what was committed lazily. The others
 * stay until the indexes are back, so that one of them takes over should the finisher die.
 * @returns the bucket's resource types, where this process was the last one out; else none
 */
export async function finishLoad(options: FinishLoadOptions): Promise<readonly string[]> {
  const { pool, session, bucket, signal } = options;
  const types = [...new Set([...options.types, ...(await listBucketTypes(pool, bucket))])];
  let last = await leaveOrFinishLoad(session, bucket);
  // The last one would leave these tables to this process, which may die while it waits.
  if (!last) for (const table of await resolveTables(pool, types)) await leaveIndexesOff(session, table);
  while (!last) {
    const missing = await listIndexesToRestore(pool, { bucket, types });
    if (missing.length === 0 || signal.aborted) return [];
    await pause(POLL_MS, signal);
    last = await tryFinishLoad(session, bucket);
  }
  try {
    await restoreIndexes({ ...options, types });
    await flushCommits(pool);
  } finally {
    await leaveFinish(session, bucket);
  }
  return types;
}
