import { z } from 'zod';
import type { Queryable } from '../query.ts';

/** How the rows of a bucket are written; one way at a time, on all replicas. */
export const writeOptionsSchema = z.object({
  'upsert?': z.boolean(),
  'disable-idx?': z.boolean(),
  'drop-primary-key?': z.boolean(),
});
export type WriteOptions = z.infer<typeof writeOptionsSchema>;

/** The write options of the bucket's latest call, or undefined when it was never called for. */
export async function findWriteOptions(db: Queryable, bucket: string): Promise<WriteOptions | undefined> {
  const { rows } = await db.query<{ options: unknown }>(
    'select options from fhir_bucket_loader.bucket_load where bucket = $1',
    [bucket],
  );
  return rows[0] === undefined ? undefined : writeOptionsSchema.parse(rows[0].options);
}

/** Notes that a bucket was called for, with these options. */
export async function saveWriteOptions(db: Queryable, bucket: string, options: WriteOptions): Promise<void> {
  await db.query(
    `insert into fhir_bucket_loader.bucket_load (bucket, options) values ($1, $2)
     on conflict (bucket) do update set options = excluded.options, called_at = current_timestamp`,
    [bucket, options],
  );
}

/** Waits for the turn among the calls that name this bucket; it ends with the transaction. */
export async function takeTurn(db: Queryable, bucket: string): Promise<void> {
  await db.query(`select pg_advisory_xact_lock(hashtextextended('fhir-bucket-loader call ' || $1::text, 0))`, [bucket]);
}
