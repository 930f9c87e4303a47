import { z } from 'zod';
import { jsonbText } from '../jsonb-text.ts';
import { type Caller, callerSchema } from '../load-run/run-call.ts';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';

const watchSchema = z.object({
  bucket: z.string(),
  /** Which call has set it up. */
  watch: z.string(),
  params: z.record(z.string(), z.unknown()),
  caller: callerSchema,
  /** As the user wrote it. */
  every: z.string(),
  /** The process that has its credentials; null where any replica has. */
  process: z.string().nullable(),
  listedAt: z.date(),
  nextListingAt: z.date(),
  /** Until then, in ms, by the database's clock. */
  dueInMs: z.number(),
  failures: z.number(),
  message: z.string().nullable(),
});

/** A standing load, as stored. */
export type StoredWatch = z.infer<typeof watchSchema>;

/** A standing load to store. */
export interface NewWatch {
  bucket: string;
  /** Those of the call, all of them, without credentials. */
  params: Readonly<Record<string, unknown>>;
  caller: Caller;
  watch: string;
  every: string;
  everyMs: number;
  process: string | null;
}

/** What the parameters of a former watch say; those of another version may say nothing. */
const formerSchema = z.object({ prefixes: z.array(z.string()).nullable() });

/**
 * Stores a standing load whose first listing is done, in the place of the bucket's former one.
 * @returns the prefixes of the former one, none for all keys; undefined where there was none
 */
export async function saveWatch(db: Queryable, watch: NewWatch): Promise<readonly string[] | undefined> {
  const { rows } = await db.query(
    `with former as (
       select params -> 'prefixes' as prefixes from fhir_bucket_loader.bucket_watch where queue = ${QUEUE} and bucket = $1
     )
     insert into fhir_bucket_loader.bucket_watch as w (bucket, watch, params, caller, every, process, next_listing_at)
     values ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7 * interval '1 ms')
     on conflict (queue, bucket) do update
        set watch = excluded.watch, params = excluded.params, caller = excluded.caller, every = excluded.every,
            process = excluded.process, since = excluded.since, listed_at = excluded.listed_at,
            next_listing_at = excluded.next_listing_at, failures = 0, message = null
     returning (select prefixes from former) as prefixes`,
    [
      watch.bucket,
      watch.watch,
      jsonbText(watch.params),
      jsonbText(watch.caller),
      watch.every,
      watch.process,
      watch.everyMs,
    ],
  );
  return formerSchema.parse(rows[0]).prefixes ?? undefined;
}

/** The standing loads; of one bucket, if that is given. */
export async function listWatches(db: Queryable, bucket?: string): Promise<StoredWatch[]> {
  const { rows } = await db.query(
    `select bucket, watch, params, caller, every, process, listed_at as "listedAt", next_listing_at as "nextListingAt",
            (extract(epoch from next_listing_at - clock_timestamp()) * 1000)::float8 as "dueInMs", failures, message
       from fhir_bucket_loader.bucket_watch where queue = ${QUEUE} and ($1::text is null or bucket = $1)`,
    [bucket ?? null],
  );
  return z.array(watchSchema).parse(rows);
}

/** Ends a bucket's standing load. @returns whether it had one */
export async function deleteWatch(db: Queryable, bucket: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `delete from fhir_bucket_loader.bucket_watch where queue = ${QUEUE} and bucket = $1`,
    [bucket],
  );
  return rowCount === 1;
}

/**
 * Keeps a standing load from ending before the transaction does.
 * @returns false when it has ended, or another one has taken its place
 */
export async function holdWatch(db: Queryable, bucket: string, watch: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from fhir_bucket_loader.bucket_watch where queue = ${QUEUE} and bucket = $1 and watch = $2 for share`,
    [bucket, watch],
  );
  return rowCount === 1;
}

/**
 * Notes how a listing went, and when the next one is due.
 * @param failure why it failed; undefined where it did not
 * @param note what is to be known of one that did not; it stays until the next note or failure
 */
export async function recordListing(
  db: Queryable,
  { bucket, watch }: Pick<StoredWatch, 'bucket' | 'watch'>,
  { nextInMs, failure, note }: { nextInMs: number; failure: string | undefined; note?: string | undefined },
): Promise<void> {
  await db.query(
    `update fhir_bucket_loader.bucket_watch
        set next_listing_at = clock_timestamp() + $3 * interval '1 ms',
            message = coalesce($4, $5, case when failures = 0 then message end),
            failures = case when $4::text is null then 0 else failures + 1 end,
            listed_at = case when $4::text is null then clock_timestamp() else listed_at end
      where queue = ${QUEUE} and bucket = $1 and watch = $2`,
    [bucket, watch, nextInMs, failure ?? null, note ?? null],
  );
}
