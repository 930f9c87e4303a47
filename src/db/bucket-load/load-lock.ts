import type { Queryable } from '../query.ts';

/**
 * The advisory lock that says "somebody works on this bucket". Each replica that does holds it shared, on a session
 * of its own; Postgres lets go of it when that session ends, however it ends. Who holds it exclusively is the last
 * one out and brings the indexes back. Its key is the 64-bit hash of a name.
 */
function keyOf(name: string): string {
  return `hashtextextended('fhir-bucket-loader ' || ${name}, 0)`;
}

const BUCKET = keyOf(`'bucket ' || $1::text`);

/** Waits for whoever finishes the bucket right now, then joins those who work on it. */
export async function joinLoad(session: Queryable, bucket: string): Promise<void> {
  await session.query(`select pg_advisory_lock_shared(${BUCKET})`, [bucket]);
}

/** Joins those who work on the bucket, unless somebody finishes it right now. */
export async function tryJoinLoad(session: Queryable, bucket: string): Promise<boolean> {
  const { rows } = await session.query<{ got: boolean }>(`select pg_try_advisory_lock_shared(${BUCKET}) as got`, [
    bucket,
  ]);
  return rows[0]?.got === true;
}

/** Stops counting as one who works on the bucket. */
export async function leaveLoad(session: Queryable, bucket: string): Promise<void> {
  await session.query(`select pg_advisory_unlock_shared(${BUCKET})`, [bucket]);
}

/** Becomes the one who finishes the bucket, unless somebody works on it or finishes it already. */
export async function tryFinishLoad(session: Queryable, bucket: string): Promise<boolean> {
  const { rows } = await session.query<{ got: boolean }>(`select pg_try_advisory_lock(${BUCKET}) as got`, [bucket]);
  return rows[0]?.got === true;
}

/** The finisher is done. */
export async function leaveFinish(session: Queryable, bucket: string): Promise<void> {
  await session.query(`select pg_advisory_unlock(${BUCKET})`, [bucket]);
}

/** Whether any session, of any replica, works on the bucket, finishes it, or waits to do so. */
export async function isLoading(db: Queryable, bucket: string): Promise<boolean> {
  const { rows } = await db.query<{ loading: boolean }>(
    `select exists (
       select from pg_locks l, (select ${BUCKET} as key) k
        where l.locktype = 'advisory' and l.objsubid = 1
          and l.database = (select oid from pg_database where datname = current_database())
          and ((l.classid::bigint << 32) | l.objid::bigint) = k.key) as loading`,
    [bucket],
  );
  return rows[0]?.loading === true;
}

const TABLE = keyOf(`'indexes of ' || current_schema() || ' ' || $1::text`);

/** Says that a load relies on this table's indexes being off; held on the load's session until it ends. */
export async function holdIndexesOff(session: Queryable, table: string): Promise<void> {
  await session.query(`select pg_advisory_lock_shared(${TABLE})`, [table]);
}

/** Withdraws `holdIndexesOff`. */
export async function releaseIndexesOff(session: Queryable, table: string): Promise<void> {
  await session.query(`select pg_advisory_unlock_shared(${TABLE})`, [table]);
}

/** Gets the right to bring a table's indexes back, unless another load relies on their being off. */
export async function tryRestoreIndexes(session: Queryable, table: string): Promise<boolean> {
  const { rows } = await session.query<{ got: boolean }>(`select pg_try_advisory_lock(${TABLE}) as got`, [table]);
  return rows[0]?.got === true;
}

/** Gives that right back. */
export async function leaveRestore(session: Queryable, table: string): Promise<void> {
  await session.query(`select pg_advisory_unlock(${TABLE})`, [table]);
}
