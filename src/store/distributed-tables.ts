import type { Queryable } from './query.ts';
import { qualifiedName, type ResourceTable } from './resource-tables.ts';

/** Whether the database is a Citus, which spreads tables over machines. */
export async function isCitus(db: Queryable): Promise<boolean> {
  const { rowCount } = await db.query(`select from pg_extension where extname = 'citus'`);
  return rowCount === 1;
}

/** How Citus keeps a table: by the hash of one column, in some other way, or not at all: on the coordinator alone. */
export type Distribution = { column: string } | 'otherwise' | 'local';

/** How Citus keeps a table's rows. */
export async function distributionOf(db: Queryable, table: ResourceTable): Promise<Distribution> {
  const { rows } = await db.query<{ column: string | null }>(
    `select case when partmethod = 'h' then column_to_column_name(logicalrelid, partkey) end as "column"
       from pg_dist_partition where logicalrelid = $1::regclass`,
    [qualifiedName(table)],
  );
  const [row] = rows;
  if (row === undefined) return 'local';
  return row.column === null ? 'otherwise' : { column: row.column };
}

/**
 * Has Citus keep an empty table's rows on its workers, by the hash of `id`.
 * @param colocateWith a distributed table whose rows of the same id are to be on the same worker; or `default`
 */
export async function distributeTable(db: Queryable, table: ResourceTable, colocateWith: string): Promise<void> {
  await db.query(`select create_distributed_table($1::regclass, 'id', colocate_with => $2::text)`, [
    qualifiedName(table),
    colocateWith,
  ]);
}
