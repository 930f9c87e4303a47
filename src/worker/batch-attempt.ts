import type pg from 'pg';
import { type Failure, toFailure } from '../errors/failure.ts';
import { cancellable } from '../store/cancellable.ts';
import { commit } from '../store/commit.ts';
import { hasCommitted, TRANSACTION } from '../store/commit-end.ts';
import { COMMIT_LAZILY } from '../store/durability.ts';
import { lockFiles } from '../store/loader-file/queue.ts';
import { Statements } from '../store/statement.ts';
import { listPrepared } from '../target/partitioned/prepared-transaction.ts';
import { BatchOutcomes } from './batch-outcomes.ts';
import type { BatchFile, BatchTask } from './batch-task.ts';
import { BatchWriter } from './batch-writer.ts';
import { SAVEPOINT } from './begin-file.ts';
import { STOP_GRACE_MS } from './file-attempt.ts';
import type { FileOutcome } from './file-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';

/**
 * What an attempt at a batch came to: what became of each file, in their order, and `alone` for one that is to be loaded by
 * itself; or why none is loaded.
 */
export type BatchEnd = { files: readonly (FileOutcome | 'alone')[] } | { failure: Failure };

/** One attempt at a batch of small files: its transaction, and what that one comes to. */
export class BatchAttempt {
  readonly #options: LoadFileOptions;
  readonly #files: readonly BatchFile[];
  readonly #outcomes = new BatchOutcomes();
  readonly #writer: BatchWriter;
  /** The transaction whose commit, with the files' rows and `done`, was asked for. */
  #committing: string | undefined;

  constructor(task: Omit<BatchTask, 'port'>, options: LoadFileOptions) {
    this.#options = options;
    this.#files = task.files;
    this.#writer = new BatchWriter(task, options, this.#outcomes);
  }

  /** @throws where the end of the transaction is unknown, or Postgres refused to commit it; `afterFailedCommit` then determines it */
  async run(client: pg.PoolClient): Promise<BatchEnd> {
    const { pool, signal } = this.#options;
    await client.query('begin');
    const ids = this.#files.map(({ id }) => id);
    const locked = await lockFiles(client, ids, ['in-progress']);
    for (const id of ids) if (!locked.has(id)) this.#outcomes.lost(id);
    // A file that an earlier attempt has left something of would wait for its own rows.
    const unresolved = new Set((await listPrepared(client)).map(({ loaderFile }) => loaderFile));
    const mine = this.#files.filter(({ id }) => locked.has(id) && !unresolved.has(id));
    const statements = new Statements();
    // Losing this commit in a crash of Postgres loses the rows and the `done` together: the files are loaded again.
    statements.add(COMMIT_LAZILY);
    statements.add(SAVEPOINT);
    const transaction = statements.add(TRANSACTION);
    await statements.send(client);
    const stop = { signal, graceMs: STOP_GRACE_MS };
    const failure = await cancellable(pool, client, stop, () => this.#tryFiles(client, mine));
    if (failure === undefined) this.#committing = transaction();
    await commit(client);
    return failure === undefined ? { files: this.#outcomes.of(ids) } : { failure };
  }

  /** After `run` has thrown: Postgres tells whether it has committed; while it is out of reach, each LoaderFile's own status does. */
  async afterFailedCommit(error: Error): Promise<BatchEnd> {
    try {
      if (this.#committing !== undefined && (await hasCommitted(this.#options.pool, this.#committing)))
        return { files: this.#outcomes.of(this.#files.map(({ id }) => id)) };
    } catch (cause) {
      return { failure: toFailure(cause) };
    }
    const failure = toFailure(error);
    return failure.transient ? { failure } : { files: [] };
  }

  /** @returns why no file is loaded, where none is and all are to be tried again */
  async #tryFiles(client: pg.PoolClient, files: readonly BatchFile[]): Promise<Failure | undefined> {
    try {
      await this.#writer.write(client, files);
      await this.#outcomes.mark(client);
      return undefined;
    } catch (error) {
      await client.query('rollback to savepoint no_rows');
      const ids = files.map(({ id }) => id);
      if (this.#options.signal.aborted) {
        await this.#outcomes.giveBack(client, ids, 'stopped');
        return undefined;
      }
      const failure = toFailure(error);
      if (failure.transient) {
        await this.#outcomes.giveBack(client, ids, failure);
        return failure;
      }
      // What nobody expected of a batch may be of one of its files: each is loaded by itself.
      this.#outcomes.forget(ids);
      return undefined;
    }
  }
}
