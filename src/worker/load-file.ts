import type pg from 'pg';
import { asError } from '../errors/as-error.ts';
import { type Failure, toFailure } from '../errors/failure.ts';
import type { LoadableTypes } from '../fhir/loadable-types.ts';
import type { CopyBuffers } from '../pipeline/copy-buffers.ts';
import type { ObjectSource } from '../source/object-source.ts';
import { tryHoldPrimaryKey } from '../store/bucket-load/load-lock.ts';
import { cancellable } from '../store/cancellable.ts';
import { commitLazily } from '../store/commit-lazily.ts';
import { isPrimaryKeyDropped } from '../store/disabled-index/disabled-index.ts';
import { failUnfinishedFile } from '../store/loader-file/fail-unfinished-file.ts';
import { markFailed, markPending } from '../store/loader-file/finish-loader-file.ts';
import { lockFile } from '../store/loader-file/lock-file.ts';
import { type ResourceTable, resolveTable } from '../store/resource-tables.ts';
import { completeDecided } from '../target/partitioned/commit-decision.ts';
import { FilePartitions } from '../target/partitioned/file-partitions.ts';
import { FileRows } from './file-rows.ts';
import type { FileOutcome, FileProgress, FileTask } from './file-task.ts';

/** Time for a stopped file to roll back by itself, in ms; one whose COPY waits for a lock is then cancelled. */
const STOP_GRACE_MS = 1_000;

export interface LoadFileOptions {
  pool: pg.Pool;
  source: ObjectSource;
  maxLineBytes: number;
  loadableTypes: LoadableTypes;
  buffers: CopyBuffers;
  signal: AbortSignal;
  /** Called before the rows are streamed; the function it is given tells how far they are. */
  onStart: (progress: () => FileProgress) => void;
}

/**
 * Loads one claimed file in one transaction: the lock on its LoaderFile, its rows, its count and its `done` commit
 * together, or none of them does. A failure rolls the rows back to a savepoint, and `error` commits under the same lock.
 *
 * A large file may be dealt to several backends. Their transactions are then prepared, the one that holds the lock
 * commits the decision, and `done` follows when all rows are visible: still all or nothing, whoever crashes when.
 * Never throws: whatever happens is an outcome.
 */
export async function loadFile(task: Omit<FileTask, 'port'>, options: LoadFileOptions): Promise<FileOutcome> {
  const outcome = await loadOnce(task, options);
  if (outcome.kind !== 'retry' || options.signal.aborted || !isWorthOneBackend(task, outcome.failure)) return outcome;
  return await loadOnce({ ...task, backends: 1 }, options);
}

/**
 * Through several backends a failure of Postgres names no line, and some (a lock between two of them, no room for another
 * prepared transaction) come from there being several: one backend tells, or succeeds.
 */
function isWorthOneBackend({ backends }: Pick<FileTask, 'backends'>, { source }: Failure): boolean {
  return backends > 1 && source === 'postgres';
}

async function loadOnce(task: Omit<FileTask, 'port'>, options: LoadFileOptions): Promise<FileOutcome> {
  const attempt = new FileAttempt(task, options);
  let client: pg.PoolClient;
  try {
    client = await options.pool.connect();
  } catch (error) {
    return { kind: 'retry', failure: toFailure(error) };
  }
  let broken: Error | undefined;
  try {
    return await attempt.run(client);
  } catch (error) {
    broken = asError(error);
    return await attempt.afterFailedCommit(broken);
  } finally {
    // A connection that failed outside of the savepoint is not used again: Postgres rolls back what it held.
    client.release(broken);
  }
}

/**
 * Whether the table's primary key is not dropped, and will not be before the end of the transaction. The load's session
 * sees to that, but may have been lost a moment ago. The lock comes first, so that the look is not outdated.
 */
async function hasKey(client: pg.ClientBase, table: ResourceTable): Promise<boolean> {
  return (await tryHoldPrimaryKey(client, table)) && !(await isPrimaryKeyDropped(client, table));
}

/** One attempt at one file: its transaction, and what that one comes to. */
class FileAttempt {
  readonly #task: Omit<FileTask, 'port'>;
  readonly #options: LoadFileOptions;
  readonly #rows: FileRows;
  readonly #partitions: FilePartitions;

  constructor(task: Omit<FileTask, 'port'>, options: LoadFileOptions) {
    this.#task = task;
    this.#options = options;
    this.#rows = new FileRows(task, options);
    this.#partitions = new FilePartitions(options.pool, task.id);
  }

  async run(client: pg.PoolClient): Promise<FileOutcome> {
    const { id, type, requiresPrimaryKey } = this.#task;
    await client.query('begin');
    if (!(await lockFile(client, id, ['in-progress']))) {
      await client.query('rollback');
      return { kind: 'lost' };
    }
    const table = await resolveTable(client, type);
    if (requiresPrimaryKey && !(await hasKey(client, table))) {
      await markPending(client, id);
      await client.query('commit');
      return { kind: 'primary-key-dropped' };
    }
    // Losing this commit in a crash of Postgres loses the rows and the `done` together: the file is loaded again.
    await commitLazily(client);
    await client.query('savepoint no_rows');
    try {
      const stop = { signal: this.#options.signal, graceMs: STOP_GRACE_MS };
      const outcome = await cancellable(this.#options.pool, client, stop, () => this.#tryRows(client, table));
      await client.query('commit');
      if (outcome.kind === 'done' && this.#partitions.clients.length > 0) {
        await this.#partitions.commit();
        await completeDecided(client, id, this.#partitions.attempt);
      }
      return outcome;
    } finally {
      this.#partitions.release();
    }
  }

  /**
   * After a transaction that could not commit. Where Postgres refused it (a deferred constraint) the file has failed;
   * where the connection is lost nobody knows, and the LoaderFile's own status tells at the next claim.
   */
  async afterFailedCommit(error: Error): Promise<FileOutcome> {
    const failure = toFailure(error);
    if (failure.transient || this.#options.signal.aborted) return { kind: 'retry', failure };
    try {
      const failed = await failUnfinishedFile(this.#options.pool, this.#task.id, failure);
      return failed ? { kind: 'failed', failure, figures: this.#rows.figures() } : { kind: 'lost' };
    } catch (cause) {
      return { kind: 'retry', failure: toFailure(cause) };
    }
  }

  async #tryRows(
    client: pg.PoolClient,
    table: ResourceTable,
  ): Promise<Exclude<FileOutcome, { kind: 'lost' | 'primary-key-dropped' }>> {
    const { id, backends } = this.#task;
    try {
      if (backends > 1) await this.#partitions.open(client, backends - 1);
      await this.#rows.write(client, table, this.#partitions);
      return { kind: 'done', figures: this.#rows.figures() };
    } catch (error) {
      await client.query('rollback to savepoint no_rows');
      await this.#partitions.rollback();
      if (this.#options.signal.aborted) {
        await markPending(client, id);
        return { kind: 'stopped' };
      }
      const failure = this.#rows.failureOf(error);
      // It stays `in-progress`: one backend tries at once.
      if (isWorthOneBackend(this.#task, failure)) return { kind: 'retry', failure };
      if (failure.transient) {
        await markPending(client, id, failure.message);
        return { kind: 'retry', failure };
      }
      await markFailed(client, id, failure.message, { source: failure.source, code: failure.code });
      await this.#rows.recordBadLines(client);
      return { kind: 'failed', failure, figures: this.#rows.figures() };
    }
  }
}
