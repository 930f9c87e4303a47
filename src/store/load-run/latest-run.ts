import { z } from 'zod';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';

const latestSchema = z.object({ run: z.coerce.number(), ended: z.boolean() });

/** A bucket's latest run, and whether it has ended. */
export type LatestRun = z.infer<typeof latestSchema>;

/** The latest run of a bucket, if it ever had one. In the bucket's turn for runs, so that it stays the latest. */
export async function latestRun(db: Queryable, bucket: string): Promise<LatestRun | undefined> {
  const { rows } = await db.query(
    `select run, ended_at is not null as ended from fhir_bucket_loader.load_run
      where queue = ${QUEUE} and bucket = $1 order by run desc limit 1`,
    [bucket],
  );
  return rows[0] === undefined ? undefined : latestSchema.parse(rows[0]);
}
