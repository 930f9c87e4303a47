import type pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { cancellable } from '../store/cancellable.ts';
import { commit } from '../store/commit.ts';
import { beginDurably } from '../store/durability.ts';
import { failUnfinishedFile, markPending } from '../store/loader-file/finish-loader-file.ts';
import { lockFile } from '../store/loader-file/queue.ts';
import { type ResourceTable, resolveTable } from '../store/resource-tables.ts';
import { nextTxid } from '../store/transaction-stamps.ts';
import { closeDataAttempt, lockForAttempt } from '../target/direct/data-attempt.ts';
import { DirectCopy } from '../target/direct/direct-copy.ts';
import { concludeFailure } from './conclude-failure.ts';
import { STOP_GRACE_MS } from './file-attempt.ts';
import { FileRows } from './file-rows.ts';
import type { FileOutcome, FileTask } from './file-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';
import { hasKey } from './primary-key.ts';

/**
 * One attempt at one file whose rows go by a data connection, past the coordinator. The control connection has the file
 * locked, numbers it, and says `done` when the rows are committed.
 */
export class DirectAttempt {
  readonly #task: Omit<FileTask, 'port'>;
  readonly #options: LoadFileOptions;
  readonly #rows: FileRows;
  readonly #data: DirectCopy;
  /** Whether a commit was asked for that writes the attempt down. */
  #isRecorded = false;

  /**
   * @param dataPool of connections to a node that takes rows
   * @param parsed whether Postgres is to parse the rows before it hands them on, so that a failure names its line
   */
  constructor(task: Omit<FileTask, 'port'>, options: LoadFileOptions, dataPool: pg.Pool, parsed: boolean) {
    this.#task = task;
    this.#options = options;
    this.#rows = new FileRows(task, options, parsed);
    this.#data = new DirectCopy(dataPool, task.id);
  }

  /** Whether the outcome is a failure whose line is not known, and would be if Postgres parsed the rows. */
  lacksLine(outcome: FileOutcome): boolean {
    return outcome.kind === 'retry' && this.#rows.lacksLine(outcome.failure);
  }

  /** @throws where it is unknown what is committed; `afterFailedCommit` then determines the outcome */
  async run(control: pg.PoolClient): Promise<FileOutcome> {
    const { id, type, requiresPrimaryKey } = this.#task;
    const { attempt } = this.#data;
    await beginDurably(control);
    if (!(await lockFile(control, id, ['in-progress']))) return await lost(control);
    await this.#data.record(control);
    this.#isRecorded = true;
    await commit(control);
    await beginDurably(control);
    if (!(await lockForAttempt(control, attempt))) {
      const outcome = await lost(control);
      // Nothing of this attempt will be written.
      await this.#data.removeFence();
      return outcome;
    }
    const table = await resolveTable(control, type);
    if (requiresPrimaryKey && !(await hasKey(control, table))) {
      await closeDataAttempt(control, attempt);
      await markPending(control, id);
      await commit(control);
      return { kind: 'primary-key-dropped' };
    }
    await control.query('savepoint no_rows');
    const outcome = await this.#tryRows(control, table);
    await closeDataAttempt(control, attempt);
    await commit(control);
    if (outcome.kind === 'done') await this.#data.removeFence();
    return outcome;
  }

  /** After `run` has thrown: finds out what is committed, and finishes what is. */
  async afterFailedCommit(error: Error): Promise<FileOutcome> {
    const failure = toFailure(error);
    const { pool, signal } = this.#options;
    try {
      const end = this.#isRecorded ? await this.#data.recover(pool) : 'undone';
      if (end === 'committed' || (await this.#data.hasCommitted()))
        return { kind: 'done', figures: this.#rows.figures() };
      if (end === 'gone') return { kind: 'lost' };
      if (end === 'busy') return { kind: 'retry', failure: { ...failure, transient: true } };
      if (failure.transient || signal.aborted) return { kind: 'retry', failure };
      const failed = await failUnfinishedFile(pool, this.#task.id, failure);
      return failed ? { kind: 'failed', failure, figures: this.#rows.figures() } : { kind: 'lost' };
    } catch (cause) {
      return { kind: 'retry', failure: toFailure(cause) };
    }
  }

  async #tryRows(control: pg.PoolClient, table: ResourceTable): Promise<FileOutcome> {
    const { id, requiresPrimaryKey } = this.#task;
    const { signal } = this.#options;
    const data = this.#data;
    try {
      await data.open();
      await cancellable(data.pool, data.client, { signal, graceMs: STOP_GRACE_MS }, async () => {
        try {
          if (requiresPrimaryKey) await data.requireKey(table);
          await this.#rows.write(control, table, { txid: await nextTxid(control), direct: data });
        } catch (error) {
          // It waits behind a COPY that waits: both are what is cancelled.
          if (!data.mayHaveCommitted) await data.rollback();
          throw error;
        }
      });
      data.release();
      return { kind: 'done', figures: this.#rows.figures() };
    } catch (error) {
      if (data.mayHaveCommitted) throw error;
      // Where it had not come to the rows, too.
      await data.rollback();
      data.release();
      await control.query('rollback to savepoint no_rows');
      return await concludeFailure(control, id, error, this.#rows, { table, signal, isWorthAnotherWay: () => false });
    }
  }
}

async function lost(control: pg.PoolClient): Promise<FileOutcome> {
  await control.query('rollback');
  return { kind: 'lost' };
}
