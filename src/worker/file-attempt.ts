import type pg from 'pg';
import { type Failure, toFailure } from '../errors/failure.ts';
import { SQLSTATE } from '../errors/sqlstate.ts';
import { cancellable } from '../store/cancellable.ts';
import { commit } from '../store/commit.ts';
import { hasCommitted } from '../store/commit-end.ts';
import { failUnfinishedFile, markPending } from '../store/loader-file/finish-loader-file.ts';
import type { ResourceTable } from '../store/resource-tables.ts';
import { identifyFile } from '../target/partitioned/file-identity.ts';
import { PartitionedCopy } from '../target/partitioned/partitioned-copy.ts';
import { listPrepared } from '../target/partitioned/prepared-transaction.ts';
import { recoverFile } from '../target/partitioned/recover-file.ts';
import { type Beginning, beginFile, numberFile } from './begin-file.ts';
import { concludeFailure } from './conclude-failure.ts';
import { FileRows } from './file-rows.ts';
import type { FileOutcome, FileTask } from './file-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';

/** Time for a stopped file to roll back by itself, in ms; one whose COPY waits for a lock is then cancelled. */
export const STOP_GRACE_MS = 1_000;

/** How often what earlier attempts have left is resolved before this one begins, and how long somebody else may be at it. */
const MOST_RECOVERIES = 3;
const RECOVERY_WAIT_MS = 20_000;

/** One attempt at one file: its transaction, and what that one comes to. */
export class FileAttempt {
  readonly #task: Omit<FileTask, 'port'>;
  readonly #options: LoadFileOptions;
  readonly #rows: FileRows;
  readonly #isWorthOneBackend: (failure: Failure) => boolean;
  #partitions: PartitionedCopy | undefined;
  /** The transaction whose commit, with rows and `done` or with the decision for partitions, was asked for. */
  #committing: string | undefined;

  /**
   * @param parsed whether Postgres is to parse the rows before it hands them on, so that a failure names its line
   * @param isWorthOneBackend whether the file, after this failure, is tried at once through one backend
   */
  constructor(
    task: Omit<FileTask, 'port'>,
    options: LoadFileOptions,
    { parsed, isWorthOneBackend }: { parsed: boolean; isWorthOneBackend: (failure: Failure) => boolean },
  ) {
    this.#task = task;
    this.#options = options;
    this.#isWorthOneBackend = isWorthOneBackend;
    this.#rows = new FileRows(task, options, parsed);
  }

  /** Whether the outcome is a failure whose line is not known, and would be if Postgres parsed the rows. */
  lacksLine(outcome: FileOutcome): boolean {
    return outcome.kind === 'retry' && this.#rows.lacksLine(outcome.failure);
  }

  /** @throws where the end of the transaction is unknown; `afterFailedCommit` then determines the outcome */
  async run(client: pg.PoolClient): Promise<FileOutcome> {
    const { id, backends } = this.#task;
    try {
      if (backends > 1) {
        const { address, watch } = this.#options;
        this.#partitions = new PartitionedCopy(address, await identifyFile(client, id), watch);
      }
      const begun = await this.#begin(client);
      if ('kind' in begun) return begun;
      const { table, hasKey } = begun;
      if (!hasKey) {
        await markPending(client, id);
        await commit(client);
        return { kind: 'primary-key-dropped' };
      }
      const { txid, pid, transaction } = await numberFile(client);
      const stop = { signal: this.#options.signal, graceMs: STOP_GRACE_MS, pid };
      const outcome = await cancellable(this.#options.pool, client, stop, () => this.#tryRows(client, table, txid));
      if (outcome.kind === 'done') this.#committing = transaction;
      await commit(client);
      if (outcome.kind === 'done') await this.#partitions?.commit();
      return outcome;
    } finally {
      this.#partitions?.close();
    }
  }

  /**
   * After a transaction that could not commit. Where Postgres refused it (a deferred constraint) the file has failed; where the
   * connection is lost Postgres tells whether it has committed, or, while it is out of reach, the LoaderFile's own status at the
   * next claim. The decision may be completed by somebody else meanwhile: the file is this attempt's all the same.
   */
  async afterFailedCommit(error: Error): Promise<FileOutcome> {
    const failure = toFailure(error);
    const { pool, signal } = this.#options;
    try {
      if (this.#committing !== undefined) {
        const completing = this.#partitions?.recover(pool);
        // What keeps it from completing the decision is no matter where that stands: those who recover do it then.
        await completing?.catch(() => {});
        if (await hasCommitted(pool, this.#committing)) return { kind: 'done', figures: this.#rows.figures() };
        await completing;
      }
      if (failure.transient || signal.aborted || this.#isWorthOneBackend(failure)) return { kind: 'retry', failure };
      const failed = await failUnfinishedFile(pool, this.#task.id, failure);
      return failed ? { kind: 'failed', failure, figures: this.#rows.figures() } : { kind: 'lost' };
    } catch (cause) {
      return { kind: 'retry', failure: toFailure(cause) };
    }
  }

  /**
   * Begins the transaction and locks the file in it. Leftovers of earlier attempts are resolved before: this one
   * would wait for their rows, and its lock would keep all others from resolving them.
   */
  async #begin(client: pg.PoolClient): Promise<FileOutcome | Beginning> {
    const { id, type, requiresPrimaryKey, writeMode } = this.#task;
    const partitions = this.#partitions;
    const options = {
      id,
      type: writeMode.kind === 'delete' ? undefined : type,
      requiresPrimaryKey,
      // Losing this commit in a crash of Postgres loses the rows and the `done` together: the file is loaded again.
      isLazy: partitions === undefined,
    };
    for (let recoveries = 0; recoveries <= MOST_RECOVERIES; recoveries++) {
      const beginning = await beginFile(client, options);
      if (!beginning.isLocked) {
        await client.query('rollback');
        return { kind: 'lost' };
      }
      if (partitions === undefined) {
        if (!beginning.hasLeftovers) return beginning;
      } else if ((await partitions.lock(client)) && (await listPrepared(client, id)).length === 0) return beginning;
      await client.query('rollback');
      await recoverFile(client, await identifyFile(client, id), RECOVERY_WAIT_MS);
    }
    const code = SQLSTATE.lockNotAvailable;
    const message = `${code}: what an earlier attempt at this file has left in Postgres is still being resolved`;
    return { kind: 'retry', failure: { source: 'postgres', code, message, transient: true } };
  }

  async #tryRows(
    client: pg.PoolClient,
    table: ResourceTable | undefined,
    txid: bigint,
  ): Promise<Exclude<FileOutcome, { kind: 'lost' | 'primary-key-dropped' }>> {
    const { id, backends } = this.#task;
    try {
      await this.#partitions?.open(client, backends - 1);
      await this.#rows.write(client, table, { txid, partitions: this.#partitions });
      return { kind: 'done', figures: this.#rows.figures() };
    } catch (error) {
      await client.query('rollback to savepoint no_rows');
      await this.#partitions?.undo(this.#options.pool);
      const { signal } = this.#options;
      return await concludeFailure(client, id, error, this.#rows, {
        table,
        signal,
        isWorthAnotherWay: this.#isWorthOneBackend,
      });
    }
  }
}
