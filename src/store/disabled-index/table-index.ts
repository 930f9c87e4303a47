import { z } from 'zod';

/** An index of a resource table, with all that is needed to rebuild it. */
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

/** Properties of an index beyond its definition and its constraint's; dropped with it. */
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
