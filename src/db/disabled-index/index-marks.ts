import pg from 'pg';
import { z } from 'zod';
import type { Queryable } from '../query.ts';

/** What an index carries that neither its definition nor its constraint's tells; dropped with it. */
export const indexMarksSchema = z.object({
  comment: z.string().optional(),
  constraintcomment: z.string().optional(),
  /** The index by which CLUSTER orders the table. */
  clustered: z.literal(true).optional(),
  /** Statistics targets of expression columns, by their place in the index, from 1. */
  statistics: z.record(z.string().regex(/^\d+$/), z.int()).optional(),
});
export type IndexMarks = z.infer<typeof indexMarksSchema>;

/** The marks of an index `i` (pg_class), `x` (pg_index) with its constraint `c`, as one jsonb without nulls. */
export const INDEX_MARKS = `jsonb_strip_nulls(jsonb_build_object(
              'comment', obj_description(i.oid, 'pg_class'),
              'constraintcomment', obj_description(c.oid, 'pg_constraint'),
              'clustered', case when x.indisclustered then true end,
              'statistics', (select jsonb_object_agg(attnum, attstattarget) from pg_attribute
                              where attrelid = i.oid and attstattarget >= 0)))`;

/** An index that stands again, under the names that it had. */
export interface MarkedIndex {
  schemaname: string;
  tablename: string;
  indexname: string;
  constraint?: { name: string } | undefined;
  marks?: IndexMarks | undefined;
}

/** Gives an index that was made again the marks that it had before it was dropped. */
export async function markIndex(db: Queryable, index: MarkedIndex): Promise<void> {
  const { marks = {}, constraint } = index;
  const schema = pg.escapeIdentifier(index.schemaname);
  const table = `${schema}.${pg.escapeIdentifier(index.tablename)}`;
  const name = `${schema}.${pg.escapeIdentifier(index.indexname)}`;
  if (marks.comment !== undefined) {
    await db.query(`comment on index ${name} is ${pg.escapeLiteral(marks.comment)}`);
  }
  if (marks.constraintcomment !== undefined && constraint !== undefined) {
    const key = pg.escapeIdentifier(constraint.name);
    await db.query(`comment on constraint ${key} on ${table} is ${pg.escapeLiteral(marks.constraintcomment)}`);
  }
  for (const [column, target] of Object.entries(marks.statistics ?? {})) {
    await db.query(`alter index ${name} alter column ${column} set statistics ${target}`);
  }
  if (marks.clustered && !(await isClustered(db, table))) {
    await db.query(`alter table ${table} cluster on ${pg.escapeIdentifier(index.indexname)}`);
  }
}

/** Whether the table has been told meanwhile to be ordered by another index. */
async function isClustered(db: Queryable, table: string): Promise<boolean> {
  const { rowCount } = await db.query('select from pg_index where indrelid = $1::regclass and indisclustered', [table]);
  return rowCount === 1;
}
