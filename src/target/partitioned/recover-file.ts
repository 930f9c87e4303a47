import { setTimeout as delay } from 'node:timers/promises';
import { commit } from '../../store/commit.ts';
import type { Queryable } from '../../store/query.ts';
import { completeDecision, findDecidedAttempt, isDecidedKey } from './commit-decision.ts';
import { type FileIdentity, tryLockFileInSession, unlockFile } from './file-identity.ts';
import { endBackends, partitionNames } from './partition-backends.ts';
import { finishPrepared, listPrepared } from './prepared-transaction.ts';

/** Longest wait for a LoaderFile that somebody has locked, when it is to become `done`. */
const BOUND_WAITS = "set local lock_timeout = '5s'";

/** Pause before another try for the file's lock, in ms. */
const LOCK_PAUSE_MS = 50;

/**
 * Resolves what attempts at a file have left: what the decision names is committed, and the LoaderFile becomes `done`;
 * all else is rolled back, after the backends that could still prepare something were ended. All of it on one session,
 * which holds the file's lock: while that is alive no attempt is running, and Postgres has not taken a decision back.
 * @param session of its own, not in a transaction; to be closed when this throws, since it may hold the lock
 * @param waitMs how long to wait for the lock
 * @returns the attempt that was committed, if one was; `busy` when an attempt is running, or somebody else resolves it
 */
export async function recoverFile(
  session: Queryable,
  file: FileIdentity,
  waitMs: number,
): Promise<{ committed?: string } | 'busy'> {
  const deadline = performance.now() + waitMs;
  while (!(await tryLockFileInSession(session, file.key))) {
    if (performance.now() >= deadline) return 'busy';
    await delay(LOCK_PAUSE_MS);
  }
  const decided = await findDecidedAttempt(session, file.id);
  if (decided === undefined) await endBackends(session, partitionNames(file.key));
  for (const { gid, attempt } of await listPrepared(session, file.id)) {
    await finishPrepared(session, gid, attempt === decided ? 'commit' : 'rollback');
  }
  if (decided !== undefined) {
    await session.query(`begin; ${BOUND_WAITS}`);
    await completeDecision(session, file.id, decided);
    await commit(session);
  }
  await unlockFile(session, file.key);
  return decided === undefined ? {} : { committed: decided };
}

/** Ends the backends of a file whose attempt is over, and undecided; all that is known of it is its key. */
export async function endStrayBackends(session: Queryable, key: string): Promise<void> {
  if (!(await tryLockFileInSession(session, key))) return;
  if (!(await isDecidedKey(session, key))) await endBackends(session, partitionNames(key));
  await unlockFile(session, key);
}
