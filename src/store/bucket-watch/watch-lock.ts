import { findHolder, lockKey, tryExclusive } from '../advisory-lock.ts';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';

/** "This replica lists the bucket." */
const WATCH = lockKey(`'watch ' || ${QUEUE} || ' ' || $1::text`);

/** Becomes the one replica that lists a watched bucket, for as long as the session lives, unless another is. */
export async function tryHoldWatchLock(session: Queryable, bucket: string): Promise<boolean> {
  return await tryExclusive(session, WATCH, bucket);
}

/** Leaves it to others. */
export async function releaseWatchLock(session: Queryable, bucket: string): Promise<void> {
  await session.query(`select pg_advisory_unlock(${WATCH})`, [bucket]);
}

/** The process id of the backend of the replica that lists the bucket; undefined where none does. */
export async function findWatchHolder(db: Queryable, bucket: string): Promise<number | undefined> {
  return await findHolder(db, WATCH, bucket);
}
