import { z } from 'zod';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';

/** One replica's progress on a bucket. */
export interface ReplicaProgress {
  /** Of the objects as stored, received from S3. */
  bytesPerSecond: number;
  rowsPerSecond: number;
  /** The files in flight, by LoaderFile id. */
  files: Record<string, { bytes: number; rows: number; replica?: string | undefined }>;
}

/** A replica that has said nothing for this long is gone, in ms. */
const SILENCE_MS = 10_000;

const filesSchema = z.record(
  z.string(),
  z.object({ bytes: z.number(), rows: z.number(), replica: z.string().optional() }),
);

/** What a replica adds to the rate curve of a run: received and written since it last did. */
export interface RunProgress {
  run: number;
  bytes: number;
  rows: number;
}

/**
 * Replaces what this replica said last, and adds to the curve of the run; one statement, since it comes every second.
 * @returns the second of the run that it was added to; undefined without a run
 */
export async function publishProgress(
  db: Queryable,
  bucket: string,
  replica: string,
  progress: ReplicaProgress,
  more?: RunProgress,
): Promise<number | undefined> {
  const { rows } = await db.query<{ second: number }>(
    `with published as (
       insert into fhir_bucket_loader.replica_progress as p
         (bucket, replica, updated_at, bytes_per_second, rows_per_second, files)
       values ($1, $2, clock_timestamp(), $3, $4, $5)
       on conflict (queue, bucket, replica) do update
          set updated_at = excluded.updated_at, bytes_per_second = excluded.bytes_per_second,
              rows_per_second = excluded.rows_per_second, files = excluded.files
     )
     insert into fhir_bucket_loader.load_run_rate as rate (run, second, bytes, rows)
     select r.run, greatest(0, floor(extract(epoch from least(clock_timestamp(), r.ended_at) - r.started_at)))::int
                   / r.sample_seconds * r.sample_seconds, $7, $8
       from fhir_bucket_loader.load_run r where r.run = $6
     on conflict (run, second) do update set bytes = rate.bytes + excluded.bytes, rows = rate.rows + excluded.rows
     returning second`,
    [
      bucket,
      replica,
      progress.bytesPerSecond,
      progress.rowsPerSecond,
      progress.files,
      more?.run ?? null,
      more?.bytes ?? 0,
      more?.rows ?? 0,
    ],
  );
  return rows[0]?.second;
}

/** Withdraws what this replica said, and what silent ones left behind. */
export async function withdrawProgress(db: Queryable, bucket: string, replica: string): Promise<void> {
  await db.query(
    `delete from fhir_bucket_loader.replica_progress
      where queue = ${QUEUE} and bucket = $1 and (replica = $2 or updated_at < clock_timestamp() - $3 * interval '1 ms')`,
    [bucket, replica, SILENCE_MS],
  );
}

/** What the replicas that are heard of say. */
export async function readProgress(db: Queryable, bucket: string): Promise<ReplicaProgress[]> {
  const { rows } = await db.query<{ bytes: number; rows: number; files: unknown }>(
    `select bytes_per_second as bytes, rows_per_second as rows, files from fhir_bucket_loader.replica_progress
      where queue = ${QUEUE} and bucket = $1 and updated_at > clock_timestamp() - $2 * interval '1 ms'`,
    [bucket, SILENCE_MS],
  );
  return rows.map((row) => ({
    bytesPerSecond: row.bytes,
    rowsPerSecond: row.rows,
    files: filesSchema.parse(row.files),
  }));
}
