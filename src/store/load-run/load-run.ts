import { z } from 'zod';
import { jsonbText } from '../jsonb-text.ts';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';
import { FIGURES, LACKS_INDEXES, LAST_SEEN } from './run-figures.ts';
import { heldRuns, holdRun, takeRunTurn } from './run-lock.ts';

/** How a run ended. `interrupted`: its replicas died or were shut down before its files were loaded. */
export const OUTCOMES = ['completed', 'cancelled', 'given-up', 'interrupted'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface RunEnd {
  outcome: Outcome;
  /** Why, where the outcome does not say it. */
  reason?: string | undefined;
}

/** Runs kept of each bucket. */
export const RUNS_KEPT = 1_000;

/** Of a run that nobody has ended, where it has left something. */
export const DIED = 'All replicas that worked on it died, or lost the database.';

const latestSchema = z.object({ run: z.coerce.number(), ended: z.boolean() });

/**
 * Begins a run of the bucket, or joins the one that others work in; a run that nobody works in any more is ended. To be called in a transaction on the load's session, which then counts as working in the run.
 * @param call the call for which this is done; it is listed in the run
 * @param known the run that this load was in before it lost its session; it goes on with it, unless another began
 * @returns the run
 */
export async function enterRun(
  session: Queryable,
  bucket: string,
  { call, known }: { call: bigint; known: number | undefined },
): Promise<number> {
  await takeRunTurn(session, bucket);
  const latest = await latestRun(session, bucket);
  const run = (await joinable(session, latest, known)) ?? (await beginRun(session, bucket, latest));
  await session.query(
    `update fhir_bucket_loader.load_run_call set run = $3
      where queue = ${QUEUE} and bucket = $1 and (call = $2 or run is null and call < $2)`,
    [bucket, call.toString(), run],
  );
  await holdRun(session, run);
  return run;
}

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

/** Keeps what deleted LoaderFiles say of the runs in progress that loaded them. In the transaction that deletes them. */
export async function keepDeletedFiles(
  db: Queryable,
  files: readonly { id: string; txid: string; resource: unknown }[],
): Promise<void> {
  await db.query(
    `insert into fhir_bucket_loader.load_run_deleted (run, loader_file, txid, resource)
     select r.run, f.id, f.txid,
            jsonb_strip_nulls(jsonb_build_object(
              'status', f.resource -> 'status', 'size', f.resource -> 'size', 'loaded', f.resource -> 'loaded',
              'lines-left-out', f.resource -> 'lines-left-out', 'error', f.resource -> 'error'))
       from unnest($1::text[], $2::bigint[], $3::jsonb[]) as f(id, txid, resource)
       join fhir_bucket_loader.load_run r on r.queue = ${QUEUE} and r.bucket = f.resource ->> 'bucket'
      where r.ended_at is null and f.txid >= r.first_txid and f.resource ->> 'status' in ('done', 'error')`,
    [files.map(({ id }) => id), files.map(({ txid }) => txid), files.map(({ resource }) => jsonbText(resource))],
  );
}

async function latestRun(db: Queryable, bucket: string): Promise<z.infer<typeof latestSchema> | undefined> {
  const { rows } = await db.query(
    `select run, ended_at is not null as ended from fhir_bucket_loader.load_run
      where queue = ${QUEUE} and bucket = $1 order by run desc limit 1`,
    [bucket],
  );
  return rows[0] === undefined ? undefined : latestSchema.parse(rows[0]);
}

/** The latest run, when it is the one to be in; it has another replica then, or one that is back. */
async function joinable(
  session: Queryable,
  latest: z.infer<typeof latestSchema> | undefined,
  known: number | undefined,
): Promise<number | undefined> {
  if (latest === undefined) return undefined;
  const { run, ended } = latest;
  if (run === known) {
    await session.query(
      `update fhir_bucket_loader.load_run set ended_at = null, outcome = null, reason = null, figures = null
        where run = $1 and ended_at is not null`,
      [run],
    );
    return run;
  }
  if (ended || !(await heldRuns(session, [run])).has(run)) return undefined;
  await session.query('update fhir_bucket_loader.load_run set replicas = replicas + 1 where run = $1', [run]);
  return run;
}

async function beginRun(
  session: Queryable,
  bucket: string,
  latest: z.infer<typeof latestSchema> | undefined,
): Promise<number> {
  if (latest?.ended === false) await closeAbandoned(session, latest.run);
  const { rows } = await session.query(
    `insert into fhir_bucket_loader.load_run (bucket, first_txid) values ($1, nextval('transaction_id_seq')) returning run`,
    [bucket],
  );
  await removeOldRuns(session, bucket);
  return z.object({ run: z.coerce.number() }).parse(rows[0]).run;
}

async function closeAbandoned(db: Queryable, run: number): Promise<void> {
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
  // Their figures are kept.
  await db.query('delete from fhir_bucket_loader.load_run_deleted where run = $1', [run]);
}

async function removeOldRuns(db: Queryable, bucket: string): Promise<void> {
  await db.query(
    `with old as (
       delete from fhir_bucket_loader.load_run
        where queue = ${QUEUE} and bucket = $1
          and run <= (select run from fhir_bucket_loader.load_run where queue = ${QUEUE} and bucket = $1
                       order by run desc offset ${RUNS_KEPT} limit 1)
       returning run
     ), calls as (
       delete from fhir_bucket_loader.load_run_call where run in (select run from old)
     ), deleted as (
       delete from fhir_bucket_loader.load_run_deleted where run in (select run from old)
     )
     delete from fhir_bucket_loader.load_run_rate where run in (select run from old)`,
    [bucket],
  );
}
