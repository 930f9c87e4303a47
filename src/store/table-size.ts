import { distributedTableSize, distributionOf, isCitus } from './distributed-tables.ts';
import type { Queryable } from './query.ts';
import { qualifiedName, type ResourceTable } from './resource-tables.ts';

/** How large a table is. */
export interface TableSize {
  /** With its indexes, its TOAST and its partitions. */
  bytes: number;
  /** As ANALYZE and VACUUM estimate them; -1 before the first. */
  rows: number;
}

/** The size of a table. */
export async function readTableSize(db: Queryable, table: ResourceTable): Promise<TableSize> {
  if ((await isCitus(db)) && (await distributionOf(db, table)) !== 'local')
    return await distributedTableSize(db, table);
  const { rows } = await db.query<TableSize>(
    `select coalesce(sum(pg_total_relation_size(coalesce(tree.relid, c.oid))), 0)::float8 as bytes,
            c.reltuples::float8 as rows
       from pg_class c left join pg_partition_tree(c.oid) tree on true
      where c.oid = $1::regclass group by c.oid, c.reltuples`,
    [qualifiedName(table)],
  );
  return rows[0] ?? { bytes: 0, rows: -1 };
}

/** Bytes that the database takes on its disks. */
export async function readDatabaseSize(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ bytes: number }>(`select pg_database_size(current_database())::float8 as bytes`);
  return rows[0]?.bytes ?? 0;
}

/**
 * Whether this role may create tables where a new one would go, and where that is.
 * @param beside the schema of a table that it would stand beside
 */
export async function findSchemaForTables(
  db: Queryable,
  beside?: string,
): Promise<{ name: string; mayCreate: boolean }> {
  const { rows } = await db.query<{ name: string | null; mayCreate: boolean | null }>(
    `select name, has_schema_privilege(name, 'create') as "mayCreate" from coalesce($1::text, current_schema()) name`,
    [beside ?? null],
  );
  return { name: rows[0]?.name ?? '', mayCreate: rows[0]?.mayCreate === true };
}

/** What a load does to a table that this role may not do: of `select`, `insert`, `update`, `delete`. */
export async function missingPrivileges(
  db: Queryable,
  table: ResourceTable,
  wanted: readonly string[],
): Promise<string[]> {
  const { rows } = await db.query<{ privilege: string }>(
    `select privilege from unnest($2::text[]) as privilege where not has_table_privilege($1::regclass, privilege)`,
    [qualifiedName(table), wanted],
  );
  return rows.map(({ privilege }) => privilege);
}

/** Whether this role may make temporary tables, by way of which rows are compared. */
export async function mayStage(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ may: boolean }>(`select has_database_privilege(current_database(), 'temp') as may`);
  return rows[0]?.may === true;
}
