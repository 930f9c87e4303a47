import { z } from 'zod';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';

/** One replica's progress on a bucket. */
export interface ReplicaProgress {
  /** Of the objects as stored, received from S3. */
  bytesPerSecond: number;
  rowsPerSecond: number;
  /** The files in flight, by LoaderFile id. */
  files: Record<string, { bytes: number; rows: number }>;
}

/** A replica that has said nothing for this long is gone, in ms. */
const SILENCE_MS = 10_000;

const filesSchema = z.record(z.string(), z.object({ bytes: z.number(), rows: z.number() }));

/** Replaces what this replica said last. */
export async function publishProgress(
  db: Queryable,
  bucket: string,
  replica: string,
  progress: ReplicaProgress,
): Promise<void> {
  await db.query(
    `insert into fhir_bucket_loader.replica_progress as p
       (bucket, replica, updated_at, bytes_per_second, rows_per_second, files)
     values ($1, $2, clock_timestamp(), $3, $4, $5)
     on conflict (queue, bucket, replica) do update
        set updated_at = excluded.updated_at, bytes_per_second = excluded.bytes_per_second,
            rows_per_second = excluded.rows_per_second, files = excluded.files`,
    [bucket, replica, progress.bytesPerSecond, progress.rowsPerSecond, progress.files],
  );
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
