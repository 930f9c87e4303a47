import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';
import type { Statement } from '../statement.ts';
import { notifyLoads } from './load-notice.ts';
import { storedOptionsSchema, toStored, type WriteOptions } from './write-options.ts';

/** The write options of the bucket's latest call, or undefined when it was never called for. */
export async function findWriteOptions(db: Queryable, bucket: string): Promise<WriteOptions | undefined> {
  return (await findCall(db, bucket))?.options;
}

/**
 * What is noted of the bucket's latest call, or undefined when it was never called for.
 * @returns as `passedOver` the number of the latest listing, by the call or without one
 */
export async function findCall(
  db: Queryable,
  bucket: string,
): Promise<{ options: WriteOptions; passedOver: number } | undefined> {
  const { rows } = await db.query<{ options: unknown; passed_over: number }>(
    `select options, passed_over::float8 from fhir_bucket_loader.bucket_load where queue = ${QUEUE} and bucket = $1`,
    [bucket],
  );
  const [row] = rows;
  return row && { options: storedOptionsSchema.parse(row.options), passedOver: row.passed_over };
}

/** What is noted of a call. */
export interface BucketCall {
  options: WriteOptions;
  /** Files that it leaves as they were loaded though their objects have changed since; undefined where it has not listed all. */
  passedOver: number | undefined;
}

/**
 * Notes that a bucket was called for.
 * @returns the call's number for this bucket, which a cancel refers to
 */
export async function recordCall(db: Queryable, bucket: string, { options, passedOver }: BucketCall): Promise<bigint> {
  const { rows } = await db.query<{ calls: string }>(
    `insert into fhir_bucket_loader.bucket_load as l (bucket, options, passed_over) values ($1, $2, coalesce($3, 0))
     on conflict (queue, bucket) do update
        set options = excluded.options, calls = l.calls + 1, called_at = current_timestamp,
            waits_for = null, given_up = null, passed_over = coalesce($3, l.passed_over)
     returning calls`,
    [bucket, toStored(options), passedOver ?? null],
  );
  return BigInt(rows[0]?.calls ?? 0);
}

/** Says what the bucket's load waits for; undefined, and any later call, take it back. */
export async function setWaitsFor(db: Queryable, bucket: string, text: string | undefined): Promise<void> {
  await db.query(
    `update fhir_bucket_loader.bucket_load set waits_for = $2 where queue = ${QUEUE} and bucket = $1 and waits_for is distinct from $2`,
    [bucket, text ?? null],
  );
}

/** Says why the bucket's load was given up; a later call takes it back. */
export async function setGivenUp(db: Queryable, bucket: string, text: string): Promise<void> {
  await db.query(`update fhir_bucket_loader.bucket_load set given_up = $2 where queue = ${QUEUE} and bucket = $1`, [
    bucket,
    text,
  ]);
}

/** What `setWaitsFor` and `setGivenUp` said last. */
export async function findReasons(db: Queryable, bucket: string): Promise<{ waitsFor?: string; givenUp?: string }> {
  const { rows } = await db.query<{ waits_for: string | null; given_up: string | null }>(
    `select waits_for, given_up from fhir_bucket_loader.bucket_load where queue = ${QUEUE} and bucket = $1`,
    [bucket],
  );
  const { waits_for: waitsFor = null, given_up: givenUp = null } = rows[0] ?? {};
  return { ...(waitsFor === null ? {} : { waitsFor }), ...(givenUp === null ? {} : { givenUp }) };
}

/**
 * Notes how many files a listing without a call has passed over.
 * @returns whether that is another number than before
 */
export async function setPassedOver(db: Queryable, bucket: string, files: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `update fhir_bucket_loader.bucket_load set passed_over = $2
      where queue = ${QUEUE} and bucket = $1 and passed_over <> $2`,
    [bucket, files],
  );
  return rowCount === 1;
}

/** Cancels every call for the bucket so far; notifies the replicas that work on it. */
export async function cancelCalls(db: Queryable, bucket: string): Promise<void> {
  await db.query(
    `update fhir_bucket_loader.bucket_load set cancelled_call = calls where queue = ${QUEUE} and bucket = $1`,
    [bucket],
  );
  await notifyLoads(db, { topic: 'cancelled', name: bucket });
}

/** Whether a call of this number was cancelled. */
export async function isCancelled(db: Queryable, bucket: string, call: bigint): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from fhir_bucket_loader.bucket_load where queue = ${QUEUE} and bucket = $1 and cancelled_call >= $2`,
    [bucket, call.toString()],
  );
  return rowCount === 1;
}

/** How long replicas have to reconnect after a start of Postgres, in ms: their attempts are at most this far apart. */
const RECONNECT_MS = 15_000;

/**
 * Whether Postgres has started anew so shortly ago that replicas which were loading the bucket may be reconnecting: it
 * was called for before that, and neither cancelled nor given up.
 * @param knownMs for how long the caller has known this database; an earlier start says nothing of it
 */
export async function isReconnecting(db: Queryable, bucket: string, knownMs: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from fhir_bucket_loader.bucket_load
      where queue = ${QUEUE} and bucket = $1 and given_up is null and cancelled_call < calls
        and called_at < pg_postmaster_start_time()
        and clock_timestamp() - pg_postmaster_start_time() < least($2::float8, $3::float8) * interval '1 ms'`,
    [bucket, RECONNECT_MS, knownMs],
  );
  return rowCount === 1;
}

/** Waits for the turn among the calls that name this bucket; it ends with the transaction. */
export function turnStatement(bucket: string): Statement<void> {
  return {
    text: `select pg_advisory_xact_lock(hashtextextended('fhir-bucket-loader call ' || ${QUEUE} || ' ' || $1::text, 0))`,
    values: [bucket],
    read: () => {},
  };
}

/** A bucket, and when it was last called for. */
export interface CalledBucket {
  bucket: string;
  calledAt: Date;
}

/** The buckets that were ever called for, the latest call first. */
export async function listBuckets(db: Queryable): Promise<CalledBucket[]> {
  const { rows } = await db.query<CalledBucket>(
    `select bucket, called_at as "calledAt" from fhir_bucket_loader.bucket_load where queue = ${QUEUE}
      order by called_at desc, bucket`,
  );
  return rows;
}
