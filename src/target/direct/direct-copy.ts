import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { FileError } from '../../errors/file-error.ts';
import { SQLSTATE } from '../../errors/sqlstate.ts';
import { commit } from '../../store/commit.ts';
import { hasCommitted, TRANSACTION } from '../../store/commit-end.ts';
import { hasUniqueId } from '../../store/describe-table.ts';
import { beginDurably } from '../../store/durability.ts';
import type { Queryable } from '../../store/query.ts';
import { qualifiedName, type ResourceTable } from '../../store/resource-tables.ts';
import { ask } from '../../store/statement.ts';
import { type DataAttempt, type LoadedData, recordDataAttempt } from './data-attempt.ts';
import { fillFence, plantFence, removeFence } from './data-fence.ts';
import { type AttemptEnd, recoverDataAttempt } from './recover-data-attempt.ts';

/** How long its owner waits for an attempt to be resolved, in ms. */
const RECOVERY_WAIT_MS = 20_000;

/** The attempt was given up for its owner, who was thought to be gone. */
class AttemptGivenUp extends FileError {
  override readonly name = 'AttemptGivenUp';

  constructor(what: string) {
    const code = SQLSTATE.lockNotAvailable;
    super(`${code}: ${what}`, { source: 'postgres', code, transient: true });
  }
}

/**
 * The rows of one attempt at a file, in a transaction of their own on a data connection. README.md beside this file has the
 * protocol. A connection whose transaction has not ended for certain is closed.
 */
export class DirectCopy {
  readonly attempt: DataAttempt;
  readonly pool: pg.Pool;
  #client: pg.PoolClient | undefined;
  /** The data transaction, once its commit was asked for. */
  #committing: string | undefined;

  /** @param pool of data connections */
  constructor(pool: pg.Pool, id: string) {
    this.pool = pool;
    this.attempt = { id, attempt: randomUUID() };
  }

  /** Where the rows go, once it is open. */
  get client(): pg.PoolClient {
    if (this.#client === undefined) throw new Error('the data connection is not open');
    return this.#client;
  }

  /** Whether the data transaction may have committed. */
  get mayHaveCommitted(): boolean {
    return this.#committing !== undefined;
  }

  /** Writes the attempt down, in the control connection's transaction, which has the file locked. */
  async record(control: Queryable): Promise<void> {
    await recordDataAttempt(control, this.attempt);
  }

  /** Begins the data transaction, by its fence. */
  async open(): Promise<void> {
    const client = await this.pool.connect();
    this.#client = client;
    await beginDurably(client);
    if (!(await plantFence(client, this.attempt.attempt)))
      throw new AttemptGivenUp('this attempt was given up meanwhile');
  }

  /**
   * Sees that the table has its primary key, in the data transaction: the control connection, which has seen that too, may be
   * lost by now, and with it what keeps the key from being dropped.
   */
  async requireKey(table: ResourceTable): Promise<void> {
    // From here on no key is dropped before the end of the transaction.
    await this.client.query(`select from ${qualifiedName(table)} where false`);
    if (!(await hasUniqueId(this.client, table))) throw new AttemptGivenUp('the primary key was dropped meanwhile');
  }

  /** Writes down what the rows are, and commits them. */
  async commit(data: LoadedData): Promise<void> {
    const { client } = this;
    await fillFence(client, this.attempt.attempt, data);
    this.#committing = await ask(client, TRANSACTION);
    await commit(client);
  }

  /** Whether the rows are committed, whoever says `done` for them. @throws what Postgres answers */
  async hasCommitted(): Promise<boolean> {
    return this.#committing !== undefined && (await hasCommitted(this.pool, this.#committing));
  }

  /** Gives the data connection back, once its transaction is over and nobody cancels anything on it any more. */
  release(): void {
    this.#client?.release();
    this.#client = undefined;
  }

  /** Rolls back the rows, of which no commit was asked for. A statement that waits must be cancelled meanwhile. */
  async rollback(): Promise<void> {
    try {
      await this.#client?.query('rollback');
    } catch {
      // Without its connection Postgres rolls back.
      this.close();
    }
  }

  /** After `done` is committed: the fence has no more to say. A row that stays costs a few bytes. */
  async removeFence(): Promise<void> {
    await removeFence(this.pool, this.attempt.attempt).catch(() => {});
  }

  /**
   * Brings the attempt to its end where it is not known whether the rows, or their `done`, are committed.
   * @throws what keeps it from that; those who recover do it then
   */
  async recover(control: pg.Pool): Promise<AttemptEnd> {
    this.close();
    const end = await recoverDataAttempt(control, this.attempt, RECOVERY_WAIT_MS);
    // What may still arrive of this attempt is at most its first statement, whose answer nobody waits for any more.
    if (end === 'undone') await this.removeFence();
    return end;
  }

  /** Closes the data connection at once, whatever it is at. */
  close(): void {
    this.#client?.release(true);
    this.#client = undefined;
  }
}
