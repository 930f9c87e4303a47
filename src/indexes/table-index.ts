import pg from 'pg';
import type { Queryable } from '../store/query.ts';
import { INDEX_MARKS, type IndexMarks } from './index-marks.ts';

/** An index of a resource table, with all that is needed to make it again. */
export interface TableIndex {
  schemaname: string;
  tablename: string;
  /** Null for the database's default. */
  tablespace: string | null;
  indexname: string;
  indexdef: string;
  primary: boolean;
  /** The constraint that the index backs, as `ADD CONSTRAINT` wants it; null for a plain index. */
  constraintname: string | null;
  constraintdef: string | null;
  marks: IndexMarks;
}

/** Which of a table's indexes are meant. */
export interface WhichIndexes {
  primaryKey: boolean;
  others: boolean;
}

const FROM_DROPPABLE = `
       from pg_index x
       join pg_class i on i.oid = x.indexrelid
       join pg_class t on t.oid = x.indrelid
       join pg_namespace n on n.oid = t.relnamespace
       left join pg_tablespace ts on ts.oid = i.reltablespace
       left join pg_constraint c on c.conindid = i.oid and c.contype in ('p', 'u', 'x')
      where t.relnamespace = current_schema()::regnamespace and t.relname = $1
        and not x.indisreplident and not i.relispartition and i.relkind = 'i' and x.indisvalid
        and case when x.indisprimary then $2::boolean else $3::boolean end`;

/** Whether a table has indexes that `listTableIndexes` would list. */
export async function hasIndexes(db: Queryable, table: string, which: WhichIndexes): Promise<boolean> {
  const { rowCount } = await db.query(`select ${FROM_DROPPABLE} limit 1`, [table, which.primaryKey, which.others]);
  return rowCount === 1;
}

/**
 * The indexes of a table that can be dropped and made again. Left out: the table's replica identity (logical
 * replication would stop), indexes that belong to a partitioned parent's, and invalid ones (of a CREATE INDEX
 * CONCURRENTLY that failed), which perhaps cannot be made.
 * To be called under `lockTable`: Postgres cannot describe an index that is dropped at the same moment.
 * @param which of them: the primary key's, and all others (plain, unique, exclusion)
 */
export async function listTableIndexes(db: Queryable, table: string, which: WhichIndexes): Promise<TableIndex[]> {
  const { rows } = await db.query<TableIndex>(
    `select n.nspname as schemaname, t.relname as tablename, ts.spcname as tablespace, i.relname as indexname,
            pg_get_indexdef(i.oid) as indexdef, x.indisprimary as primary,
            c.conname as constraintname, pg_get_constraintdef(c.oid) as constraintdef,
            ${INDEX_MARKS} as marks
       ${FROM_DROPPABLE}
      order by x.indisprimary, i.relname`,
    [table, which.primaryKey, which.others],
  );
  return rows;
}

/** Locks a table of the current schema as dropping its indexes does, until the end of the transaction. */
export async function lockTable(db: Queryable, table: string): Promise<void> {
  await db.query(`lock table ${pg.escapeIdentifier(table)} in access exclusive mode`);
}
