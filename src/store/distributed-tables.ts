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

/** Tells which tables have their rows on workers; whether the database is a Citus, it asks once. */
export class DistributedTables {
  #isCitus: boolean | undefined;

  async isCitus(db: Queryable): Promise<boolean> {
    this.#isCitus ??= await isCitus(db);
    return this.#isCitus;
  }

  /** Whether the rows of a table are on workers. */
  async includes(db: Queryable, table: ResourceTable): Promise<boolean> {
    return (await this.isCitus(db)) && (await distributionOf(db, table)) !== 'local';
  }

  /** Whether all nodes have the table: of Citus each distributed one, of Postgres, whose only node it is, any. */
  async isOnAllNodes(db: Queryable, table: ResourceTable): Promise<boolean> {
    return !(await this.isCitus(db)) || (await distributionOf(db, table)) !== 'local';
  }
}

/**
 * Has Citus keep an empty table's rows on its workers, by the hash of a column.
 * @param options.column by default `id`
 * @param options.colocateWith a distributed table whose rows of the same id are to be on the same worker; `default`; `none`
 */
export async function distributeTable(
  db: Queryable,
  table: ResourceTable,
  { column = 'id', colocateWith }: { column?: string; colocateWith: string },
): Promise<void> {
  await db.query(`select create_distributed_table($1::regclass, $2::text, colocate_with => $3::text)`, [
    qualifiedName(table),
    column,
    colocateWith,
  ]);
}

/**
 * The size of a distributed table, of which the coordinator has no rows.
 * @returns bytes with indexes and TOAST; rows as the workers' ANALYZE and VACUUM estimate them, -1 before the first
 */
export async function distributedTableSize(
  db: Queryable,
  table: ResourceTable,
): Promise<{ bytes: number; rows: number }> {
  const name = qualifiedName(table);
  const size = await db.query<{ bytes: number }>('select citus_total_relation_size($1::regclass)::float8 as bytes', [
    name,
  ]);
  const estimate = await db.query<{ rows: number | null }>(
    `select sum(greatest(result::float8, 0)) filter (where result::float8 >= 0) as rows
       from run_command_on_shards($1::regclass, $2) where success`,
    [name, `select reltuples from pg_class where oid = '%s'::regclass`],
  );
  return { bytes: size.rows[0]?.bytes ?? 0, rows: estimate.rows[0]?.rows ?? -1 };
}
