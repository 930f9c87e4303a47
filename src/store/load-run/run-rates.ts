import type pg from 'pg';
import { z } from 'zod';
import { inTransaction, type Queryable } from '../query.ts';

/** Most points of a run's rate curve. Twice as many seconds go into each when there would be more. */
export const MOST_POINTS = 300;

/** What was received and written in the seconds of a run from `second` on. */
export interface RunPoint {
  second: number;
  bytes: number;
  rows: number;
}

/**
 * Makes room for the point of this second: neighbouring points are added up until all of them fit.
 * @returns the seconds of a point
 */
export async function thinPoints(pool: pg.Pool, run: number, second: number): Promise<number> {
  return await inTransaction(pool, async (client) => {
    const { rows } = await client.query(
      `update fhir_bucket_loader.load_run
          set sample_seconds = sample_seconds
              * power(2, greatest(0, ceil(log(2, ($2 + 1)::numeric / (sample_seconds * ${MOST_POINTS})))))::int
        where run = $1 returning sample_seconds as seconds`,
      [run, second],
    );
    const { seconds } = z.object({ seconds: z.number() }).parse(rows[0]);
    await client.query(
      `with old as (delete from fhir_bucket_loader.load_run_rate where run = $1 returning second, bytes, rows)
       insert into fhir_bucket_loader.load_run_rate as rate (run, second, bytes, rows)
       select $1, second / $2::int * $2::int, sum(bytes), sum(rows) from old group by 2
       on conflict (run, second) do update set bytes = rate.bytes + excluded.bytes, rows = rate.rows + excluded.rows`,
      [run, seconds],
    );
    return seconds;
  });
}

/** The curve of a run, in the order of time. Seconds in which nobody worked have no point. */
export async function readPoints(db: Queryable, run: number): Promise<RunPoint[]> {
  const { rows } = await db.query<RunPoint>(
    `select p.second / r.sample_seconds * r.sample_seconds as second, sum(p.bytes) as bytes, sum(p.rows) as rows
       from fhir_bucket_loader.load_run_rate p join fhir_bucket_loader.load_run r using (run)
      where run = $1 group by 1 order by 1`,
    [run],
  );
  return rows;
}
