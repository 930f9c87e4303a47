import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { leaveFinish, leaveLoad, tryFinishLoad } from '../db/bucket-load/load-lock.ts';
import { listBucketTypes } from '../db/loader-file/list-bucket-types.ts';
import type { Queryable } from '../db/query.ts';
import { quotedTable, tableName } from '../db/resource-tables.ts';
import { restoreIndexes } from './restore-indexes.ts';

export interface FinishLoad {
  pool: pg.Pool;
  session: Queryable;
  bucket: string;
  log: Logger;
  /** Whether files may have been loaded, so that the planner's statistics are out of date. */
  analyze: boolean;
}

/**
 * What the last replica out does: bring dropped indexes back, ANALYZE the tables, and make all that was committed
 * lazily durable. Others leave; should the finisher die, `interrupted` says that a call has to finish the bucket.
 */
export async function finishLoad({ pool, session, bucket, log, analyze }: FinishLoad): Promise<void> {
  await leaveLoad(session, bucket);
  if (!(await tryFinishLoad(session, bucket))) return;
  try {
    const types = await listBucketTypes(pool, bucket);
    await restoreIndexes({
      pool,
      session,
      tables: types.map(tableName),
      onRestored: ({ index }, durationMs) => log.info({ index: index.indexname, durationMs }, 'index restored'),
      onFailed: ({ index }, reason) => log.error({ index: index.indexname, reason }, 'index not restored'),
    });
    if (analyze) await analyzeTables(pool, types);
  } finally {
    await leaveFinish(session, bucket);
  }
}

async function analyzeTables(pool: pg.Pool, types: readonly string[]): Promise<void> {
  const { rows } = await pool.query<{ table: string }>(
    'select name as table from unnest($1::text[]) as name where to_regclass(name) is not null',
    [types.map(quotedTable)],
  );
  for (const { table } of rows) await pool.query(`analyze ${table}`);
}
