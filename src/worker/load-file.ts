import type pg from 'pg';
import { asError } from '../errors/as-error.ts';
import { type Failure, toFailure } from '../errors/failure.ts';
import { resolveTable } from '../store/resource-tables.ts';
import { fitsGid } from '../target/partitioned/prepared-transaction.ts';
import { DirectAttempt } from './direct-attempt.ts';
import { FileAttempt } from './file-attempt.ts';
import type { FileOutcome, FileTask } from './file-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';

/**
 * Loads one claimed file in one transaction: the lock on its LoaderFile, its rows, its count and its `done` commit
 * together, or none of them does. A failure rolls the rows back to a savepoint, and `error` commits under the same lock.
 *
 * On Citus the rows may go past the coordinator (`target/direct/README.md`), in a transaction of their own.
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
function isWorthOneBackend({ backends }: Pick<FileTask, 'backends'>, { source }: Failure): boolean {
  return backends > 1 && source === 'postgres';
}

/** @param parsed whether Postgres is to parse the rows before it hands them on, so that a failure names its line */
async function loadOnce(
  task: Omit<FileTask, 'port'>,
  options: LoadFileOptions,
  parsed: boolean,
): Promise<{ outcome: FileOutcome; lacksLine: boolean }> {
  let control: pg.PoolClient;
  try {
    control = await options.pool.connect();
  } catch (error) {
    return { outcome: { kind: 'retry', failure: toFailure(error) }, lacksLine: false };
  }
  const isWorthOne = (failure: Failure) => isWorthOneBackend(task, failure);
  let attempt: FileAttempt | DirectAttempt = new FileAttempt(task, options, { parsed, isWorthOneBackend: isWorthOne });
  let outcome: FileOutcome;
  try {
    if (await isDirect(control, task, options)) {
      attempt = new DirectAttempt(task, options, options.dataNodes.next(), parsed);
    }
    outcome = await attempt.run(control);
    control.release();
  } catch (error) {
    // A connection that failed outside of the savepoint is not used again: Postgres rolls back what it held.
    control.release(asError(error));
    outcome = await attempt.afterFailedCommit(asError(error));
  }
  return { outcome, lacksLine: attempt.lacksLine(outcome) };
}

/** Whether rows go past the coordinator: they are new ones, none may be left out, and data connections know their table. */
async function isDirect(
  control: pg.PoolClient,
  { type, backends, maxErrors, writeMode }: Omit<FileTask, 'port'>,
  { dataNodes, distributed }: LoadFileOptions,
): Promise<boolean> {
  if (!dataNodes.present || backends > 1 || maxErrors > 0 || writeMode.kind !== 'insert') return false;
  return await distributed.isOnAllNodes(control, await resolveTable(control, type));
}
