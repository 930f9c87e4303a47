import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { commit } from '../../store/commit.ts';
import { beginDurably } from '../../store/durability.ts';
import { deleteLoaderErrors } from '../../store/loader-error.ts';
import { onSession } from '../../store/query.ts';
import {
  closeDataAttempt,
  completeAttempt,
  type DataAttempt,
  isOpen,
  requeueAttempt,
  tryLockAttempt,
  tryLockLoaderFile,
} from './data-attempt.ts';
import { closeFence, removeFence } from './data-fence.ts';

/** Pause before another try, in ms. */
const PAUSE_MS = 100;

/**
 * What became of an attempt. `gone`: it is resolved, by somebody else, or was never written down. `busy`: its owner has the
 * file, somebody else resolves it, or its data transaction is not over.
 */
export type AttemptEnd = 'committed' | 'undone' | 'gone' | 'busy';

/**
 * Resolves an attempt, which its owner no longer has: the LoaderFile becomes `done` where the data transaction has committed,
 * else it goes back to the queue, and that transaction can never commit.
 * @param waitMs how long to try again while it is busy
 */
export async function recoverDataAttempt(pool: pg.Pool, attempt: DataAttempt, waitMs: number): Promise<AttemptEnd> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const end = await onSession(pool, (session) => tryOnce(pool, session, attempt));
    if (end !== 'busy' || performance.now() >= deadline) return end;
    await delay(PAUSE_MS);
  }
}

async function tryOnce(pool: pg.Pool, session: pg.PoolClient, attempt: DataAttempt): Promise<AttemptEnd> {
  await beginDurably(session);
  const file = await tryLockLoaderFile(session, attempt.id);
  if (file === 'busy' || !(await tryLockAttempt(session, attempt))) {
    const open = await isOpen(session, attempt);
    await session.query('rollback');
    return open ? 'busy' : 'gone';
  }
  const data = await closeFence(pool, attempt.attempt);
  if (data === 'running') {
    await session.query('rollback');
    return 'busy';
  }
  if (data === undefined) await requeueAttempt(session, attempt);
  else {
    await completeAttempt(session, attempt, data);
    await deleteLoaderErrors(session, [attempt.id]);
  }
  await closeDataAttempt(session, attempt);
  await commit(session);
  if (data === undefined) return 'undone';
  await removeFence(pool, attempt.attempt);
  return 'committed';
}
