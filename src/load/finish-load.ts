import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import type { IndexObserver } from '../indexes/index-observer.ts';
import { restoreIndexes } from '../indexes/restore-indexes.ts';
import type { RunRecord } from '../progress/run-record.ts';
import { leaveFinish, leaveOrFinishLoad, resumeLoad, tryFinishLoad } from '../store/bucket-load/load-lock.ts';
import { notifyLoads } from '../store/bucket-load/load-notice.ts';
import { listIndexesToRestore } from '../store/disabled-index/disabled-index.ts';
import { leaveIndexesOff } from '../store/disabled-index/table-lock.ts';
import { awaitDistributedCommits } from '../store/distributed-commits.ts';
import { flushCommits } from '../store/durability.ts';
import { listBucketTypes } from '../store/loader-file/bucket-files.ts';
import type { Queryable } from '../store/query.ts';
import { forgetIdentifiers } from '../store/references/identifier-index.ts';
import { resolveTables } from '../store/resource-tables.ts';

export interface FinishLoadOptions {
  pool: pg.Pool;
  buildPool: pg.Pool;
  session: Queryable;
  bucket: string;
  /** Types that this process has loaded; the bucket's LoaderFiles, if not deleted meanwhile, name all. */
  types: Iterable<string>;
  log: Logger;
  observer: IndexObserver;
  record: RunRecord;
  /** Aborted when the server shuts down: an index that is being made is given up. */
  signal: AbortSignal;
}

/**
 * The work of the last process out: restores the dropped indexes that are left, flushes the commits that did not wait for the disk, and
 * deletes the identifiers that references were resolved by. The others call this again and again until the indexes are back, so that one of them takes over should the finisher die.
 * @param first whether this process has not left the load yet
 * @param refused DisabledIndexes that rows have contradicted in this load already
 * @returns whether the bucket is finished; its resource types, where this process was the last one out
 */
export async function finishLoad(
  options: FinishLoadOptions,
  { first, refused }: { first: boolean; refused: readonly string[] },
): Promise<{ isFinished: boolean; types: readonly string[] }> {
  const { pool, session, bucket } = options;
  const types = [...new Set([...options.types, ...(await listBucketTypes(pool, bucket))])];
  if (!first && (await listIndexesToRestore(pool, { bucket, types })).length === 0) {
    return { isFinished: true, types: [] };
  }
  if (!(await (first ? leaveOrFinishLoad : tryFinishLoad)(session, bucket))) {
    // The last one would leave these tables to this process, which may die while it waits.
    if (first) for (const table of await resolveTables(pool, types)) await leaveIndexesOff(session, table);
    if (first) await notifyLoads(session, { topic: 'left', name: bucket });
    const missing = await listIndexesToRestore(pool, { bucket, types });
    return { isFinished: missing.length === 0, types: [] };
  }
  try {
    await awaitDistributedCommits(pool, options.signal);
    await restoreIndexes({ ...options, types, refused });
    await flushCommits(pool);
    await forgetIdentifiers(pool, bucket);
    const missing = await listIndexesToRestore(pool, { bucket, types });
    const failed = missing.filter(({ index }) => index.message !== undefined);
    await options.record.finish(failed.map(({ index }) => index.indexname));
  } catch (error) {
    // It is tried again: to everybody else the bucket stays in progress.
    await resumeLoad(session, bucket);
    throw error;
  }
  await leaveFinish(session, bucket);
  await notifyLoads(session, { topic: 'finished', name: bucket });
  return { isFinished: true, types };
}
