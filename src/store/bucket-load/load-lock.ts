import { got, leaveOrTakeOver, lockedOf, lockKey, release, tryExclusive } from '../advisory-lock.ts';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';

/** "Somebody works on this bucket." */
const BUCKET = lockKey(`'bucket ' || ${QUEUE} || ' ' || $1::text`);

/** Waits for a process that is finishing the bucket, then joins the load. */
export async function joinLoad(session: Queryable, bucket: string): Promise<void> {
  await session.query(`select pg_advisory_lock_shared(${BUCKET})`, [bucket]);
}

/** Joins those who work on the bucket, unless somebody finishes it right now. */
export async function tryJoinLoad(session: Queryable, bucket: string): Promise<boolean> {
  return await got(session, `pg_try_advisory_lock_shared(${BUCKET})`, bucket);
}

/**
 * Stops counting as one who works on the bucket, or, as the last of them, becomes the one who finishes it.
 * @returns whether this session finishes it
 */
export async function leaveOrFinishLoad(session: Queryable, bucket: string): Promise<boolean> {
  return await leaveOrTakeOver(session, BUCKET, bucket);
}

/** Becomes the one who finishes the bucket, unless somebody works on it or finishes it already. */
export async function tryFinishLoad(session: Queryable, bucket: string): Promise<boolean> {
  return await tryExclusive(session, BUCKET, bucket);
}

/** The finisher has not come to its end: it works on the bucket again, and at no instant does nobody hold the lock. */
export async function resumeLoad(session: Queryable, bucket: string): Promise<void> {
  await session.query(`select pg_advisory_lock_shared(${BUCKET})`, [bucket]);
  await session.query(`select pg_advisory_unlock(${BUCKET})`, [bucket]);
}

/** The finisher is done. */
export async function leaveFinish(session: Queryable, bucket: string): Promise<void> {
  await release(session, BUCKET, bucket);
}

/** Whether any session, of any replica, works on the bucket, finishes it, or waits to do so. */
export async function isLoading(db: Queryable, bucket: string): Promise<boolean> {
  return (await lockedOf(db, BUCKET, [bucket])).has(bucket);
}
