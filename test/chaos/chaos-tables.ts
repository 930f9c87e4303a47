import type pg from 'pg';
import { ensureResourceTable } from '../../src/store/ensure-resource-table.ts';
import { tableName } from '../../src/store/resource-tables.ts';
import { CHAOS_TYPES } from './round-plan.ts';

/** Indexes of many sorts, that all have to come back as they were. */
const EXTRA_INDEXES = [
  `create index TABLE_bucket on TABLE ((resource #>> '{origin,bucket}'))`,
  `create index TABLE_resource on TABLE using gin (resource jsonb_path_ops) with (fastupdate = off)`,
  'create unique index TABLE_lower on TABLE (lower(id) desc nulls last) include (txid) with (fillfactor = 70)',
  `create index "TABLE Odd ""name" on TABLE (ts) where status <> 'deleted'`,
  'alter table TABLE add constraint TABLE_once unique (id, txid) deferrable initially deferred',
];

/** Creates the tables of all types of the rounds, with extra indexes on all but the last. */
export async function createChaosTables(pool: pg.Pool): Promise<void> {
  for (const [n, type] of CHAOS_TYPES.entries()) {
    await ensureResourceTable(pool, type, { distribute: false });
    if (n === CHAOS_TYPES.length - 1) continue;
    for (const statement of EXTRA_INDEXES) await pool.query(statement.replaceAll('TABLE', tableName(type)));
  }
}

/** Every index and key of the tables, in words that change with anything about them. */
export async function describeIndexes(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ description: string }>(
    `select concat_ws(' | ', pg_get_indexdef(x.indexrelid), c.conname, pg_get_constraintdef(c.oid), x.indisprimary,
                      x.indisunique, x.indisvalid, x.indisready, x.indimmediate) as description
       from pg_index x left join pg_constraint c on c.conindid = x.indexrelid
      where x.indrelid = any ($1::regclass[]) order by 1`,
    [CHAOS_TYPES.map(tableName)],
  );
  return rows.map((row) => row.description);
}

/** A subquery of all rows of the tables: bucket, file, line, version, id, txid. */
export const ALL_ROWS = CHAOS_TYPES.map(
  (type) =>
    `select resource #>> '{origin,bucket}' as bucket, resource #>> '{origin,file}' as file,
            (resource #>> '{origin,line}')::int as line, resource #>> '{origin,version}' as version, id, txid
       from ${tableName(type)}`,
).join(' union all ');
