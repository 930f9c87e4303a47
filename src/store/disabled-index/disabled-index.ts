import type pg from 'pg';
import { z } from 'zod';
import { checkAllStored } from '../../errors/rows-kept-out.ts';
import type { Queryable } from '../query.ts';
import { type ResourceTable, resolveTables } from '../resource-tables.ts';
import { ask, type Statement } from '../statement.ts';
import { indexMarksSchema, type TableIndex } from './table-index.ts';

/** The DisabledIndex resource as stored, with Aidbox's fields; `bucket`, `constraint`, `marks` and `message` are the loader's additions. */
const disabledIndexSchema = z.looseObject({
  /** The bucket for whose load it was dropped. */
  bucket: z.string().optional(),
  schemaname: z.string(),
  tablename: z.string(),
  tablespace: z.string().nullish(),
  indexname: z.string(),
  indexdef: z.string(),
  constraint: z.object({ name: z.string(), definition: z.string(), primary: z.boolean() }).optional(),
  marks: indexMarksSchema.optional(),
  status: z.string(),
  message: z.string().optional(),
});
export type DisabledIndex = z.infer<typeof disabledIndexSchema>;

/** A DisabledIndex whose index is still to be restored. */
export interface IndexToRestore {
  id: string;
  index: DisabledIndex;
}

/** Records an index about to be dropped for a bucket's load; call it in the transaction that drops it. */
export async function recordDisabledIndex(db: Queryable, index: TableIndex, bucket: string): Promise<void> {
  await insert(db, index, { bucket, status: 'disabled' });
}

/** Records an index that had to stay, and why; once, however many loads it stays through. */
export async function recordKeptIndex(db: Queryable, index: TableIndex, message: string): Promise<void> {
  const { schemaname, tablename, indexname } = index;
  const { rowCount } = await db.query('select from disabledindex where resource @> $1 limit 1', [
    { schemaname, tablename, indexname, status: 'restored', message },
  ]);
  if (rowCount === 0) await insert(db, index, { status: 'restored', message });
}

async function insert(db: Queryable, index: TableIndex, state: object): Promise<void> {
  const { constraintname, constraintdef, primary, tablespace, marks, ...plain } = index;
  const constraint =
    constraintname === null || constraintdef === null
      ? {}
      : { constraint: { name: constraintname, definition: constraintdef, primary } };
  const someMarks = Object.keys(marks).length === 0 ? {} : { marks };
  const { rowCount } = await db.query(
    `insert into disabledindex (id, txid, resource_type, status, resource)
     values (gen_random_uuid()::text, nextval('transaction_id_seq'), 'DisabledIndex', 'created', $1)`,
    [{ ...plain, ...(tablespace === null ? {} : { tablespace }), ...constraint, ...someMarks, ...state }],
  );
  // Unrecorded, an index that is dropped would never come back.
  checkAllStored(rowCount, 1, 'disabledindex');
}

/** Whether the dropped index is the table's primary key. */
export function isPrimaryKey({ index }: IndexToRestore): boolean {
  return index.constraint?.primary === true;
}

/** The table of a dropped index. */
export function tableOf({
  schemaname: schema,
  tablename: name,
}: Pick<DisabledIndex, 'schemaname' | 'tablename'>): ResourceTable {
  return { schema, name };
}

const IS_KEY = `coalesce((resource #>> '{constraint,primary}')::boolean, false)`;

/**
 * The indexes still to be restored: those of these types' tables, and those dropped for the bucket, if one is
 * given: its LoaderFiles, which name its tables, may have been deleted. Keys first.
 */
export async function listIndexesToRestore(
  db: Queryable,
  { bucket, types }: { bucket?: string; types: readonly string[] },
): Promise<IndexToRestore[]> {
  return await ask(db, toRestoreStatement(await resolveTables(db, types), bucket));
}

/** The indexes still to be restored of these tables, and those dropped for the bucket, if one is given. Keys first. */
export function toRestoreStatement(tables: readonly ResourceTable[], bucket?: string): Statement<IndexToRestore[]> {
  return {
    text: `select id, resource from disabledindex
      where resource ->> 'status' = 'disabled'
        and (resource ->> 'bucket' = any ($3)
             or (resource ->> 'schemaname', resource ->> 'tablename') in (select * from unnest($1::text[], $2::text[])))
      order by ${IS_KEY} desc, ts, id`,
    values: [tables.map(({ schema }) => schema), tables.map(({ name }) => name), bucket === undefined ? [] : [bucket]],
    read: ({ rows }: pg.QueryResult<{ id: string; resource: unknown }>) =>
      rows.map(({ id, resource }) => ({ id, index: disabledIndexSchema.parse(resource) })),
  };
}

/** Whether any index, of any table, is still to be restored. */
export async function hasIndexesToRestore(db: Queryable): Promise<boolean> {
  const { rowCount } = await db.query(`select from disabledindex where resource ->> 'status' = 'disabled' limit 1`);
  return rowCount !== 0;
}

/** Whether indexes of a table besides its key are still to be restored. */
export async function hasDroppedIndexes(db: Queryable, { schema, name }: ResourceTable): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from disabledindex
      where resource ->> 'status' = 'disabled' and resource ->> 'schemaname' = $1 and resource ->> 'tablename' = $2
        and not ${IS_KEY} limit 1`,
    [schema, name],
  );
  return rowCount !== 0;
}

/** Whether the primary key of a table is still to be restored. */
export async function isPrimaryKeyDropped(db: Queryable, { schema, name }: ResourceTable): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from disabledindex
      where resource ->> 'status' = 'disabled' and resource ->> 'schemaname' = $1 and resource ->> 'tablename' = $2
        and ${IS_KEY}`,
    [schema, name],
  );
  return rowCount !== 0;
}

/** The tables whose primary keys are still to be restored. */
export const DROPPED_KEYS: Statement<ResourceTable[]> = {
  text: `select resource ->> 'schemaname' as schema, resource ->> 'tablename' as name from disabledindex
      where resource ->> 'status' = 'disabled' and ${IS_KEY}`,
  read: ({ rows }: pg.QueryResult<ResourceTable>) => rows,
};

/** Changes fields of a DisabledIndex. */
export async function updateDisabledIndex(db: Queryable, id: string, change: object): Promise<void> {
  await db.query(
    `update disabledindex set resource = (resource - 'message') || $2::jsonb,
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
      where id = $1`,
    [id, change],
  );
}

/** How many dropped indexes are not restored yet, of all loads. */
export async function countDisabledIndexes(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ indexes: number }>(
    `select count(*)::int as indexes from disabledindex where resource ->> 'status' = 'disabled'`,
  );
  return rows[0]?.indexes ?? 0;
}
