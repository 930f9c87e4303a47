import type pg from 'pg';
import { asError } from '../errors/as-error.ts';
import { type Failure, toFailure } from '../errors/failure.ts';
import { fitsGid } from '../target/partitioned/prepared-transaction.ts';
import { FileAttempt } from './file-attempt.ts';
import type { FileOutcome, FileTask } from './file-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';

/**
 * Loads one claimed file in one transaction: the lock on its LoaderFile, its rows, its count and its `done` commit
 * together, or none of them does. A failure rolls the rows back to a savepoint, and `error` commits under the same lock.
 *
 * A large file may be split across several backends: `target/partitioned/README.md` says how it is still all or nothing.
 * Never throws: whatever happens is an outcome.
 */
export async function loadFile(task: Omit<FileTask, 'port'>, options: LoadFileOptions): Promise<FileOutcome> {
  const backends = fitsGid(task.id) ? task.backends : 1;
  const { outcome, lacksLine } = await loadOnce({ ...task, backends }, options, false);
  if (outcome.kind !== 'retry' || options.signal.aborted) return outcome;
  if (!lacksLine && !isWorthOneBackend({ backends }, outcome.failure)) return outcome;
  return (await loadOnce({ ...task, backends: 1 }, options, lacksLine)).outcome;
}

/**
 * Through several backends a failure of Postgres names no line, and some (a lock between two of them, no room for another
 * prepared transaction) come from there being several: one backend succeeds, or has the real error.
 */
export function isWorthOneBackend({ backends }: Pick<FileTask, 'backends'>, { source }: Failure): boolean {
  return backends > 1 && source === 'postgres';
}

/** @param parsed whether Postgres is to parse the rows before it hands them on, so that a failure names its line */
async function loadOnce(
  task: Omit<FileTask, 'port'>,
  options: LoadFileOptions,
  parsed: boolean,
): Promise<{ outcome: FileOutcome; lacksLine: boolean }> {
  const isWorthOne = (failure: Failure) => isWorthOneBackend(task, failure);
  const attempt = new FileAttempt(task, options, { parsed, isWorthOneBackend: isWorthOne });
  const outcome = await outcomeOf(attempt, options.pool);
  return { outcome, lacksLine: attempt.lacksLine(outcome) };
}

async function outcomeOf(attempt: FileAttempt, pool: pg.Pool): Promise<FileOutcome> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    return { kind: 'retry', failure: toFailure(error) };
  }
  try {
    const outcome = await attempt.run(client);
    client.release();
    return outcome;
  } catch (error) {
    // A connection that failed outside of the savepoint is not used again: Postgres rolls back what it held.
    client.release(asError(error));
    return await attempt.afterFailedCommit(asError(error));
  }
}
