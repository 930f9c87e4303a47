import pLimit from 'p-limit';
import type pg from 'pg';
import { type Failure, toFailure } from '../errors/failure.ts';
import { isLoadable } from '../fhir/loadable-types.ts';
import type { CopyFormat } from '../pipeline/copy-row-writer.ts';
import { KeptRows } from '../pipeline/kept-rows.ts';
import { cancellable } from '../store/cancellable.ts';
import { commitLazily } from '../store/durability.ts';
import { deleteLoaderErrors } from '../store/loader-error.ts';
import { markAllDone, markAllPending } from '../store/loader-file/finish-loader-file.ts';
import { lockFiles } from '../store/loader-file/queue.ts';
import { type ResourceTable, resolveTables, tableName } from '../store/resource-tables.ts';
import { nextTxids, transactionMicros } from '../store/transaction-stamps.ts';
import { copyBatch } from '../target/batch-copy.ts';
import { listPrepared } from '../target/partitioned/prepared-transaction.ts';
import type { BatchFile, BatchTask } from './batch-task.ts';
import { STOP_GRACE_MS } from './file-attempt.ts';
import type { FileOutcome } from './file-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';
import { hasKey } from './primary-key.ts';
import { encodeFetched, type FetchedFile, fetchWhole, type WholeFile } from './read-whole.ts';

/** Files of a batch that are read at once: a store takes 30 ms and more to answer, however small the file. */
const READ_AT_ONCE = 16;

/** Encoded rows in memory, in bytes, from which they are sent: for each slot as many buffers as the thread keeps for it. */
const SEND_FROM_BYTES = 2 * 1024 * 1024;

/**
 * How long a batch reads, in ms: its other files wait for those that a store does not send. What is not begun then goes back to
 * the queue, what is being read is loaded by itself. Well below the 10 s that a shutdown leaves to files in progress, so that
 * one object that does not come rolls back no others.
 */
const READ_MS = 5_000;

/**
 * What an attempt at a batch came to: what became of each file, in their order, and `alone` for one that is to be loaded by
 * itself; or why none is loaded.
 */
export type BatchEnd = { files: readonly (FileOutcome | 'alone')[] } | { failure: Failure };

/** One attempt at a batch of small files: its transaction, and what that one comes to. */
export class BatchAttempt {
  readonly #task: Omit<BatchTask, 'port'>;
  readonly #options: LoadFileOptions;
  readonly #started = performance.now();
  /** By LoaderFile id. A file without one is to be loaded by itself. */
  readonly #outcomes = new Map<string, FileOutcome>();
  /** What goes back to the queue, and why. */
  readonly #pending = new Map<string, string | undefined>();

  constructor(task: Omit<BatchTask, 'port'>, options: LoadFileOptions) {
    this.#task = task;
    this.#options = options;
  }

  /** @throws where the end of the transaction is unknown, or Postgres refused to commit it */
  async run(client: pg.PoolClient): Promise<BatchEnd> {
    const { files } = this.#task;
    const { pool, signal } = this.#options;
    await client.query('begin');
    const ids = files.map(({ id }) => id);
    const locked = await lockFiles(client, ids, ['in-progress']);
    for (const id of ids) if (!locked.has(id)) this.#outcomes.set(id, { kind: 'lost' });
    // A file that an earlier attempt has left something of would wait for its own rows.
    const unresolved = new Set((await listPrepared(client)).map(({ loaderFile }) => loaderFile));
    const mine = files.filter(({ id }) => locked.has(id) && !unresolved.has(id));
    // Losing this commit in a crash of Postgres loses the rows and the `done` together: the files are loaded again.
    await commitLazily(client);
    await client.query('savepoint no_rows');
    const stop = { signal, graceMs: STOP_GRACE_MS };
    const failure = await cancellable(pool, client, stop, () => this.#tryFiles(client, mine));
    const { command } = await client.query('commit');
    // Of a transaction in which a statement has failed, Postgres answers so, and with no error.
    if (command !== 'COMMIT') throw new Error(`Postgres answered ${command} to the commit of a batch`);
    return failure === undefined ? { files: ids.map((id) => this.#outcomes.get(id) ?? 'alone') } : { failure };
  }

  /** @returns why no file is loaded, where none is and all are to be tried again */
  async #tryFiles(client: pg.PoolClient, files: readonly BatchFile[]): Promise<Failure | undefined> {
    try {
      await this.#writeFiles(client, files);
      return undefined;
    } catch (error) {
      await client.query('rollback to savepoint no_rows');
      for (const { id } of files) this.#outcomes.delete(id);
      const { signal } = this.#options;
      if (signal.aborted) {
        await markAllPending(client, new Map(files.map(({ id }) => [id, undefined])));
        for (const { id } of files) this.#outcomes.set(id, { kind: 'stopped' });
        return undefined;
      }
      const failure = toFailure(error);
      // What nobody expected of a batch may be of one of its files: each is loaded by itself.
      if (!failure.transient) return undefined;
      await markAllPending(client, new Map(files.map(({ id }) => [id, failure.message])));
      return failure;
    }
  }

  /** Writes the rows of all files that can be loaded together, and the `done` of each beside them. */
  async #writeFiles(client: pg.PoolClient, files: readonly BatchFile[]): Promise<void> {
    const { signal } = this.#options;
    const tables = await this.#tablesOf(client, files);
    const txids = await nextTxids(client, files.length);
    const defaultTs = this.#task.transform.keepLastUpdated ? await transactionMicros(client) : undefined;
    const toRead = files.flatMap((file, place): ToRead[] => {
      const table = tables.get(file.type);
      const txid = txids[place];
      return table === undefined || txid === undefined ? [] : [{ file, ...table, txid, defaultTs }];
    });
    // By type: the files of each need one COPY then.
    const queue = [...Map.groupBy(toRead, ({ file }) => file.type).values()].flat();
    const stored = new Map<string, number>();
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(new Error('the store is slow')), READ_MS);
    const end = AbortSignal.any([signal, timeUp.signal]);
    const limit = pLimit(READ_AT_ONCE);
    // Ahead of what is encoded and sent; all of a batch's files, as they are stored, have room in memory.
    const fetching = queue.map((next) => limit(() => this.#fetch(next.file, end)));
    try {
      await this.#copyInOrder(client, queue, fetching, stored);
    } finally {
      clearTimeout(timer);
      timeUp.abort();
      await Promise.all(fetching);
    }
    await markAllDone(client, stored);
    await deleteLoaderErrors(client, [...stored.keys()]);
    await markAllPending(client, this.#pending);
  }

  /** The tables of the files' types that can be written to; one that cannot has its files loaded by themselves, and fail. */
  async #tablesOf(client: pg.PoolClient, files: readonly BatchFile[]): Promise<Map<string, WritableTable>> {
    const { loadableTypes, distributed } = this.#options;
    const types = [...new Set(files.map(({ type }) => type))].filter((type) => isLoadable(type, loadableTypes));
    const found = await resolveTables(client, types);
    const tables = new Map<string, WritableTable>();
    for (const type of types) {
      const table = found.find(({ name }) => name === tableName(type));
      if (table === undefined) continue;
      if (this.#task.requiresPrimaryKey && !(await hasKey(client, table))) continue;
      // As single files: what a worker of Citus refuses is found by halves, or by the file's own load.
      tables.set(type, { table, format: (await distributed.includes(client, table)) ? 'text' : 'binary' });
    }
    return tables;
  }

  /** Encodes and copies files in their order, as they come; as soon as enough is in memory. */
  async #copyInOrder(
    client: pg.PoolClient,
    files: readonly ToRead[],
    fetching: readonly Promise<FetchedFile | undefined>[],
    stored: Map<string, number>,
  ): Promise<void> {
    const { signal, buffers } = this.#options;
    const kept = new KeptRows(buffers);
    let whole: WholeFile[] = [];
    const send = async () => {
      signal.throwIfAborted();
      const sent = performance.now();
      const refused = await copyBatch(client, whole, signal);
      // Postgres has answered to all that was sent: nobody reads it any more.
      kept.giveBack();
      const postgresMs = (performance.now() - sent) / Math.max(1, whole.length);
      for (const file of whole) if (!refused.has(file)) this.#store(file, postgresMs, stored);
      whole = [];
    };
    for (const [place, next] of files.entries()) {
      const fetched = await fetching[place];
      const file = fetched === undefined ? undefined : await this.#encode(next, fetched, kept);
      if (file !== undefined) whole.push(file);
      if (kept.bytes >= SEND_FROM_BYTES) await send();
    }
    await send();
  }

  /** @returns undefined where it does not come in time, or not at all */
  async #fetch(file: BatchFile, signal: AbortSignal): Promise<FetchedFile | undefined> {
    if (signal.aborted) {
      this.#giveBack(file.id, { kind: 'stopped' });
      return undefined;
    }
    try {
      return await fetchWhole(file, this.#options, signal);
    } catch (error) {
      const failure = toFailure(error);
      // The source has tried it again and again; by itself it would do that once more, while all others wait.
      if (!signal.aborted && failure.transient) this.#giveBack(file.id, { kind: 'retry', failure });
      return undefined;
    }
  }

  /** @returns undefined where something is wrong with it */
  async #encode({ file, ...to }: ToRead, fetched: FetchedFile, kept: KeptRows): Promise<WholeFile | undefined> {
    try {
      const { transform } = this.#task;
      return await encodeFetched(file, fetched, { ...to, kept, transform }, this.#options);
    } catch {
      // Loaded by itself it says what.
      return undefined;
    }
  }

  #giveBack(id: string, outcome: Extract<FileOutcome, { kind: 'retry' | 'stopped' }>): void {
    this.#pending.set(id, outcome.kind === 'retry' ? outcome.failure.message : undefined);
    this.#outcomes.set(id, outcome);
  }

  #store({ id, encoded, figures }: WholeFile, postgresMs: number, stored: Map<string, number>): void {
    stored.set(id, encoded.rows);
    const totalMs = performance.now() - this.#started;
    this.#outcomes.set(id, { kind: 'done', figures: { ...figures, postgresMs, totalMs } });
  }
}

interface WritableTable {
  table: ResourceTable;
  /** How rows are sent to it. */
  format: CopyFormat;
}

interface ToRead extends WritableTable {
  file: BatchFile;
  txid: bigint;
  defaultTs: bigint | undefined;
}
