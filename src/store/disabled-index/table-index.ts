import type { IndexMarks } from './index-marks.ts';

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
