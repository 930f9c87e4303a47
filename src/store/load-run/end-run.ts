import type { Queryable } from '../query.ts';
import { latestRun } from './latest-run.ts';
import { COUNT_LATE_COMMITS, FIGURES, LACKS_INDEXES, LAST_SEEN } from './run-figures.ts';
import { heldRuns, takeRunTurn } from './run-lock.ts';

/** How a run ended. `interrupted`: its replicas died or were shut down before its files were loaded. */
export const OUTCOMES = ['completed', 'cancelled', 'given-up', 'interrupted'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface RunEnd {
  outcome: Outcome;
  /** Why, where the outcome does not say it. */
  reason?: string | undefined;
}

/** Of a run that nobody has ended, where it has left something. */
export const DIED = 'All replicas that worked on it died, or lost the database.';

/** Ends a run, unless it has ended or others work in it. */
export async function endRun(db: Queryable, bucket: string, run: number, end: RunEnd): Promise<void> {
  await takeRunTurn(db, bucket);
  if (!(await heldRuns(db, [run])).has(run)) await closeRun(db, run, end);
}

/** Ends a run whose replicas have all left, as the one who finishes the bucket. */
export async function finishRun(db: Queryable, bucket: string, run: number, end: RunEnd): Promise<void> {
  await takeRunTurn(db, bucket);
  await closeRun(db, run, end);
}

/**
 * Ends the bucket's run where all its replicas died, before its files change: what a crash has left is counted then. It is
 * `interrupted`, unless they had come to its end. To be called in a transaction.
 */
export async function endAbandonedRun(db: Queryable, bucket: string): Promise<void> {
  await takeRunTurn(db, bucket);
  const latest = await latestRun(db, bucket);
  if (latest === undefined || latest.ended || (await heldRuns(db, [latest.run])).has(latest.run)) return;
  await closeAbandoned(db, latest.run);
}

/** Ends a run whose replicas all died, as of when they were last seen. */
export async function closeAbandoned(db: Queryable, run: number): Promise<void> {
  await closeRun(db, run, { outcome: 'interrupted', reason: DIED }, LAST_SEEN);
}

/**
 * Counts the figures, and writes the end down, unless that was done before. Where nothing is left to do it is `completed`,
 * whatever else happened, as the bucket is then.
 * @param endedAt SQL
 */
async function closeRun(
  db: Queryable,
  run: number,
  { outcome, reason }: RunEnd,
  endedAt = 'clock_timestamp()',
): Promise<void> {
  const { rowCount } = await db.query(
    `update fhir_bucket_loader.load_run r set ended_at = ${endedAt}, figures = ${FIGURES}
      where run = $1 and ended_at is null`,
    [run],
  );
  if (rowCount !== 1) return;
  await db.query(
    `update fhir_bucket_loader.load_run r
        set (outcome, reason) = (select case when is_whole then 'completed' else $2 end,
                                        case when is_whole then null else $3 end
                                   from (select (r.figures ->> 'left')::int = 0 and not ${LACKS_INDEXES}) as w(is_whole))
      where run = $1`,
    [run, outcome, reason ?? null],
  );
  await db.query(COUNT_LATE_COMMITS, [run]);
  // Their figures are kept.
  await db.query('delete from fhir_bucket_loader.load_run_deleted where run = $1', [run]);
}
