import pLimit from 'p-limit';
import type pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { isLoadable } from '../fhir/loadable-types.ts';
import type { CopyFormat } from '../pipeline/copy-row-writer.ts';
import { KeptRows } from '../pipeline/kept-rows.ts';
import { type ResourceTable, resolveTables, tableName } from '../store/resource-tables.ts';
import { nextTxids, transactionMicros } from '../store/transaction-stamps.ts';
import { copyBatch } from '../target/batch-copy.ts';
import type { BatchOutcomes } from './batch-outcomes.ts';
import type { BatchFile, BatchTask } from './batch-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';
import { hasKey } from './primary-key.ts';
import { encodeFetched, type FetchedFile, fetchWhole, type WholeFile } from './read-whole.ts';
import { TimeToRead } from './time-to-read.ts';

/** Files of a batch that are read at once: a store takes 30 ms and more to answer, however small the file. */
const READ_AT_ONCE = 16;

/** Files that are read, or being read, before those ahead of them are encoded: what is at hand when a COPY has ended. */
const READ_AHEAD = 64;

/** Encoded rows in memory, in bytes, from which they are sent: for each slot as many buffers as the thread keeps for it. */
const SEND_FROM_BYTES = 2 * 1024 * 1024;

/**
 * How long a batch waits for the store, in ms: its other files wait for those that a store does not send. What is not begun then goes back to
 * the queue, what is being read is loaded by itself. Well below the 10 s that a shutdown leaves to files in progress, so that
 * one object that does not come rolls back no others.
 */
const READ_MS = 5_000;

/** Reads small files, many at a time, and writes their rows in their order, those of a type by one COPY. */
export class BatchWriter {
  readonly #task: Omit<BatchTask, 'port'>;
  readonly #options: LoadFileOptions;
  readonly #outcomes: BatchOutcomes;
  readonly #started = performance.now();
  readonly #reading = new TimeToRead(READ_MS);

  /** @param outcomes takes what becomes of the files; of one that cannot be loaded with the others, nothing */
  constructor(task: Omit<BatchTask, 'port'>, options: LoadFileOptions, outcomes: BatchOutcomes) {
    this.#task = task;
    this.#options = options;
    this.#outcomes = outcomes;
  }

  /**
   * Writes the rows of all files that can be loaded together.
   * @throws the signal's reason, or what Postgres does where no file is to blame
   */
  async write(client: pg.PoolClient, files: readonly BatchFile[]): Promise<void> {
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
    const end = AbortSignal.any([this.#options.signal, this.#reading.signal]);
    const limit = pLimit(READ_AT_ONCE);
    const begun: Promise<FetchedFile | undefined>[] = [];
    const read = async (place: number) => {
      for (const { file } of queue.slice(begun.length, place + READ_AHEAD))
        begun.push(limit(() => this.#fetch(file, end)));
      return await begun[place];
    };
    this.#reading.goOn();
    try {
      await this.#copyInOrder(client, queue, read);
    } finally {
      this.#reading.end();
      await Promise.all(begun);
    }
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

  /**
   * Encodes and copies files in their order, as they come; as soon as enough is in memory.
   * @param read the file at a place, as the source has it, and begins to read those that come after it
   */
  async #copyInOrder(
    client: pg.PoolClient,
    files: readonly ToRead[],
    read: (place: number) => Promise<FetchedFile | undefined>,
  ): Promise<void> {
    const { signal, buffers } = this.#options;
    const kept = new KeptRows(buffers);
    let whole: WholeFile[] = [];
    const send = async () => {
      signal.throwIfAborted();
      this.#reading.pause();
      const sent = performance.now();
      const refused = await copyBatch(client, whole, signal);
      this.#reading.goOn();
      // Postgres has answered to all that was sent: nobody reads it any more.
      kept.giveBack();
      const postgresMs = (performance.now() - sent) / Math.max(1, whole.length);
      const totalMs = performance.now() - this.#started;
      for (const file of whole) if (!refused.has(file)) this.#outcomes.stored(file, { postgresMs, totalMs });
      whole = [];
    };
    for (const [place, next] of files.entries()) {
      const fetched = await read(place);
      const file = fetched === undefined ? undefined : await this.#encode(next, fetched, kept);
      if (file !== undefined) whole.push(file);
      if (kept.bytes >= SEND_FROM_BYTES) await send();
    }
    await send();
  }

  /** @returns undefined where it does not come in time, or not at all */
  async #fetch(file: BatchFile, signal: AbortSignal): Promise<FetchedFile | undefined> {
    if (signal.aborted) {
      this.#outcomes.stopped(file.id);
      return undefined;
    }
    try {
      return await fetchWhole(file, this.#options, signal);
    } catch (error) {
      const failure = toFailure(error);
      // The source has tried it again and again; by itself it would do that once more, while all others wait.
      if (!signal.aborted && failure.transient) this.#outcomes.retry(file.id, failure);
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
