import { z } from 'zod';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';
import { closeAbandoned } from './end-run.ts';
import { type LatestRun, latestRun } from './latest-run.ts';
import { heldRuns, holdRun, takeRunTurn } from './run-lock.ts';

/** Runs kept of each bucket. */
export const RUNS_KEPT = 1_000;

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

/** The latest run, when it is the one to be in; it has another replica then, or one that is back. */
async function joinable(
  session: Queryable,
  latest: LatestRun | undefined,
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

async function beginRun(session: Queryable, bucket: string, latest: LatestRun | undefined): Promise<number> {
  if (latest?.ended === false) await closeAbandoned(session, latest.run);
  const { rows } = await session.query(
    `insert into fhir_bucket_loader.load_run (bucket, first_txid) values ($1, nextval('transaction_id_seq')) returning run`,
    [bucket],
  );
  await removeOldRuns(session, bucket);
  return z.object({ run: z.coerce.number() }).parse(rows[0]).run;
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
