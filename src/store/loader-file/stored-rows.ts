/**
 * What became of a file's rows, besides `loaded`, by the names that LoaderFiles have for it; absent where nobody counts.
 * `older` are not in the table: newest-wins? has kept the one that was there.
 */
export const ROW_OUTCOMES = ['created', 'updated', 'unchanged', 'older', 'deleted', 'missing'] as const;
export type RowOutcome = (typeof ROW_OUTCOMES)[number];
export type OutcomeCounts = Readonly<Partial<Record<RowOutcome, number>>>;

/** What a file has come to in its table. */
export interface StoredRows {
  /** Rows of the file that are in the table: written by this load, or there already and the same. */
  loaded: number;
  outcomes: OutcomeCounts;
}

/** The members of a LoaderFile that say how its last attempt ended, as an array in SQL: another attempt begins without. */
export const RESULT_MEMBERS = `'{end,loaded,${ROW_OUTCOMES.join(',')},lines-left-out,references,message,error}'::text[]`;
