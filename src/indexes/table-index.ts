import { INDEX_MARKS, type TableIndex } from '../store/disabled-index/table-index.ts';
import type { Queryable } from '../store/query.ts';
import { qualifiedName, type ResourceTable } from '../store/resource-tables.ts';

/** Which of a table's indexes are meant. */
export interface WhichIndexes {
  primaryKey: boolean;
  others: boolean;
}

const FROM_INDEXES = `
       from pg_index x
       join pg_class i on i.oid = x.indexrelid
       join pg_class t on t.oid = x.indrelid
       join pg_namespace n on n.oid = t.relnamespace
       left join pg_tablespace ts on ts.oid = i.reltablespace
       left join pg_constraint c on c.conindid = i.oid and c.contype in ('p', 'u', 'x')
      where t.oid = $1::regclass and case when x.indisprimary then $2::boolean else $3::boolean end`;

/** Of a table by whose primary key a publication says which rows are updated or deleted: Postgres refuses both without it. */
const PUBLISHES_BY_KEY = `t.relreplident = 'd' and exists (
                   select from pg_publication_tables pt join pg_publication p on p.pubname = pt.pubname
                    where pt.schemaname = n.nspname and pt.tablename = t.relname and (p.pubupdate or p.pubdelete))`;

/** Why an index cannot be dropped and rebuilt; null where it can. */
const WHY_FIXED = `case when x.indisreplident then 'it is the replica identity of the table'
                 when x.indisprimary and ${PUBLISHES_BY_KEY} then 'a publication sends updates or deletes of the table by it'
                 when x.indisprimary and exists (select from pg_subscription_rel where srrelid = t.oid)
                   then 'a subscription finds the rows of the table by it'
                 when i.relispartition then 'it belongs to an index of the partitioned table'
                 when i.relkind <> 'i' then 'the table is partitioned'
                 when not x.indisvalid then 'it is invalid, so it may be impossible to rebuild' end`;

const FROM_DROPPABLE = `${FROM_INDEXES} and ${WHY_FIXED} is null`;

const COLUMNS = `n.nspname as schemaname, t.relname as tablename, ts.spcname as tablespace, i.relname as indexname,
            pg_get_indexdef(i.oid) as indexdef, x.indisprimary as primary,
            c.conname as constraintname, pg_get_constraintdef(c.oid) as constraintdef,
            ${INDEX_MARKS} as marks`;

/** Whether a table has indexes that `listTableIndexes` would list. */
export async function hasIndexes(db: Queryable, table: ResourceTable, which: WhichIndexes): Promise<boolean> {
  const { rowCount } = await db.query(`select ${FROM_DROPPABLE} limit 1`, [
    qualifiedName(table),
    which.primaryKey,
    which.others,
  ]);
  return rowCount === 1;
}

/**
 * The indexes of a table that can be dropped and rebuilt. Left out: the table's replica identity, and a primary key that a publication
 * or subscription needs (logical replication would stop, and others' updates fail), indexes that belong to a partitioned parent's, and invalid ones (of a CREATE INDEX
 * CONCURRENTLY that failed), which perhaps cannot be made.
 * To be called under `lockTable`: Postgres cannot describe an index that is dropped at the same moment.
 * @param which of them: the primary key's, and all others (plain, unique, exclusion)
 */
export async function listTableIndexes(
  db: Queryable,
  table: ResourceTable,
  which: WhichIndexes,
): Promise<TableIndex[]> {
  const { rows } = await db.query<TableIndex>(
    `select ${COLUMNS}
       ${FROM_DROPPABLE}
      order by x.indisprimary, i.relname`,
    [qualifiedName(table), which.primaryKey, which.others],
  );
  return rows;
}

/** Those that `listTableIndexes` leaves out, each with the reason in a sentence. */
export async function listFixedIndexes(
  db: Queryable,
  table: ResourceTable,
  which: WhichIndexes,
): Promise<{ index: TableIndex; reason: string }[]> {
  const { rows } = await db.query<TableIndex & { why: string }>(
    `select ${COLUMNS}, ${WHY_FIXED} as why
       ${FROM_INDEXES} and ${WHY_FIXED} is not null
      order by i.relname`,
    [qualifiedName(table), which.primaryKey, which.others],
  );
  return rows.map(({ why, ...index }) => ({ index, reason: `${index.indexname} was kept: ${why}` }));
}

/** Locks a table as dropping its indexes does, until the end of the transaction. */
export async function lockTable(db: Queryable, table: ResourceTable): Promise<void> {
  await db.query(`lock table ${qualifiedName(table)} in access exclusive mode`);
}
