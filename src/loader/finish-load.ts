import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { leaveFinish, leaveOrFinishLoad, tryFinishLoad } from '../db/bucket-load/load-lock.ts';
import { listIndexesToRestore } from '../db/disabled-index/disabled-index.ts';
import { listBucketTypes } from '../db/loader-file/list-bucket-types.ts';
import type { Queryable } from '../db/query.ts';
import { quotedTable, tableName } from '../db/resource-tables.ts';
import { atOnce } from './at-once.ts';
import { pause } from './backoff.ts';
import type { LoadObserver } from './load-observer.ts';
import { restoreIndexes } from './restore-indexes.ts';

export interface FinishLoad {
  pool: pg.Pool;
  session: Queryable;
  bucket: string;
  log: Logger;
  observer: LoadObserver;
  /** Whether files may have been loaded, so that the planner's statistics are out of date. */
  analyze: boolean;
  /** Aborted when the server shuts down: an index that is being made is given up. */
  signal: AbortSignal;
}

/** How often one who is not the last looks whether the finisher is done, in ms. */
const POLL_MS = 1_000;

/** Tables that are analyzed at the same time. */
const TABLES_AT_ONCE = 4;

/**
 * What the last replica out does: bring dropped indexes back, ANALYZE the tables, and with these commits make all
 * that was committed lazily durable. The others stay until the indexes are back, so that one of them takes over
 * should the finisher die.
 */
export async function finishLoad(options: FinishLoad): Promise<void> {
  const { pool, session, bucket, signal } = options;
  const types = await listBucketTypes(pool, bucket);
  let last = await leaveOrFinishLoad(session, bucket);
  while (!last) {
    const missing = await listIndexesToRestore(pool, types.map(tableName));
    if (missing.length === 0 || signal.aborted) return;
    await pause(POLL_MS, signal);
    last = await tryFinishLoad(session, bucket);
  }
  try {
    await finish(options, types);
  } finally {
    await leaveFinish(session, bucket);
  }
}

async function finish(options: FinishLoad, types: readonly string[]): Promise<void> {
  const { pool, session, log, observer, analyze, signal } = options;
  await restoreIndexes({
    pool,
    session,
    signal,
    tables: types.map(tableName),
    onRestored: ({ index }, durationMs) => {
      observer.onIndexRestored(durationMs);
      log.info({ index: index.indexname, durationMs }, 'index restored');
    },
    onFailed: ({ index }) => {
      observer.onIndexFailed();
      log.error({ index: index.indexname }, 'index not restored; its DisabledIndex says why');
    },
  });
  if (analyze && !signal.aborted) await analyzeTables(pool, types);
}

async function analyzeTables(pool: pg.Pool, types: readonly string[]): Promise<void> {
  const { rows } = await pool.query<{ table: string }>(
    'select name as table from unnest($1::text[]) as name where to_regclass(name) is not null',
    [types.map(quotedTable)],
  );
  await atOnce(TABLES_AT_ONCE, rows, async ({ table }) => {
    await pool.query(`analyze ${table}`);
  });
}
