import pg from 'pg';
import { recordDisabledIndex } from '../store/disabled-index/disabled-index.ts';
import type { TableIndex } from '../store/disabled-index/table-index.ts';
import type { Queryable } from '../store/query.ts';

/** Drops an index, or the constraint that it backs, and records it for the bucket; to be called in a transaction. */
export async function dropIndex(db: Queryable, index: TableIndex, bucket: string): Promise<void> {
  await recordDisabledIndex(db, index, bucket);
  const schema = pg.escapeIdentifier(index.schemaname);
  if (index.constraintname === null) {
    await db.query(`drop index ${schema}.${pg.escapeIdentifier(index.indexname)}`);
    return;
  }
  const table = `${schema}.${pg.escapeIdentifier(index.tablename)}`;
  await db.query(`alter table ${table} drop constraint ${pg.escapeIdentifier(index.constraintname)}`);
}
