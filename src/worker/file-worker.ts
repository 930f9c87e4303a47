import type { MessagePort } from 'node:worker_threads';
import type pg from 'pg';
import { Transforms } from '../pipeline/create-transform.ts';
import { Sources } from '../source/sources.ts';
import { BackendWatch } from '../store/backend-watch.ts';
import { createPool } from '../store/create-pool.ts';
import { DistributedTables } from '../store/distributed-tables.ts';
import { DataNodes } from '../target/direct/data-nodes.ts';
import { RowHashes } from '../target/row-hasher.ts';
import type { BatchOutcome, BatchTask } from './batch-task.ts';
import { checkFile } from './check-file.ts';
import type { CheckOutcome, CheckTask } from './check-task.ts';
import type { FileOutcome, FileProgress, FileTask, WorkerSetup } from './file-task.ts';
import { FirstBytes } from './first-bytes.ts';
import { loadBatch } from './load-batch.ts';
import { loadFile } from './load-file.ts';
import type { LoadFileOptions } from './load-file-options.ts';
import { RowMemory } from './row-memory.ts';

/** How often a file's progress is reported, in ms. */
const PROGRESS_MS = 500;

/** Most files in flight in one thread; the loads' own thread numbers are what limits them in practice. */
const MAX_CONNECTIONS = 128;

/**
 * Memory for the temporary table of `upsert?`, of each file in flight: what does not fit is written to a file, and read from it three times, at last
 * row by row in the order of ids. 20,000 rows of 1.2 kB that have changed took Postgres 0.95 CPU s instead of 1.13. Not more: it is the memory
 * of somebody's Postgres, and each transaction looks through all of it.
 */
const TEMP_BUFFERS = '32MB';

/** What a worker thread keeps between its files: connections to Postgres and to sources; buffers; compiled definitions. */
export class FileWorker {
  readonly #setup: WorkerSetup;
  readonly #pool: pg.Pool;
  readonly #watch: BackendWatch;
  readonly #sources: Sources;
  readonly #transforms = new Transforms();
  readonly #rowHashes = new RowHashes();
  readonly #rowMemory = new RowMemory(this.#transforms);
  readonly #distributed = new DistributedTables();
  readonly #dataNodes: DataNodes;
  readonly #firstBytes = new FirstBytes();

  constructor(setup: WorkerSetup) {
    this.#setup = setup;
    this.#pool = createPool(setup.database, {
      max: MAX_CONNECTIONS,
      onIdleError: () => {},
      toastCompression: 'lz4',
      tempBuffers: TEMP_BUFFERS,
      idleTimeoutMs: 5_000,
    });
    this.#watch = new BackendWatch(this.#pool);
    this.#dataNodes = new DataNodes(setup.dataAddresses, MAX_CONNECTIONS);
    this.#sources = new Sources(setup.sources);
  }

  /** Loads small files together; stops at any message on the task's port. Never throws. */
  async batch({ port, ...task }: BatchTask): Promise<BatchOutcome> {
    try {
      const signal = stopOf(port);
      return await this.#rowMemory.use((buffers) =>
        loadBatch(task, { ...this.#optionsFor(task, signal, () => {}), buffers }),
      );
    } finally {
      port.close();
    }
  }

  /** Loads one file; reports its progress on the task's port and stops at any message there. Never throws. */
  async run(task: FileTask): Promise<FileOutcome> {
    const { port, ...plain } = task;
    const signal = stopOf(port);
    let timer: NodeJS.Timeout | undefined;
    try {
      const onStart: LoadFileOptions['onStart'] = (progress) => {
        const tell = () => port.postMessage(progress() satisfies FileProgress);
        timer = setInterval(tell, PROGRESS_MS);
      };
      const options = this.#optionsFor(task, signal, onStart);
      const from = JSON.stringify(task.source);
      const source = this.#firstBytes.over(options.source, from);
      const outcome = this.#rowMemory.use((buffers) => loadFile(plain, { ...options, source, buffers }));
      if (task.next !== undefined) this.#firstBytes.begin(task.next, options.source, from);
      signal.addEventListener('abort', () => this.#firstBytes.closeAll(from), { once: true });
      return await outcome;
    } finally {
      clearInterval(timer);
      port.close();
    }
  }

  #optionsFor({ source }: Pick<FileTask, 'source'>, signal: AbortSignal, onStart: LoadFileOptions['onStart']) {
    const { database: address, maxLineBytes, lineMemory, loadableTypes } = this.#setup;
    return {
      pool: this.#pool,
      address,
      watch: this.#watch,
      distributed: this.#distributed,
      dataNodes: this.#dataNodes,
      source: this.#sources.open(source),
      maxLineBytes,
      lineMemory,
      loadableTypes,
      transforms: this.#transforms,
      rowHashes: this.#rowHashes,
      signal,
      onStart,
    } satisfies Omit<LoadFileOptions, 'buffers'>;
  }

  /** Reads one file and stores nothing; sends its ids on the task's port. @throws when it is stopped */
  async check({ port, ...task }: CheckTask): Promise<CheckOutcome> {
    const abort = new AbortController();
    let taken = Promise.withResolvers<void>();
    port.on('message', (message: unknown) => {
      if (message === 'next') taken.resolve();
      else abort.abort(new Error('the check was stopped'));
    });
    abort.signal.addEventListener('abort', () => taken.reject(abort.signal.reason), { once: true });
    taken.promise.catch(() => {});
    try {
      const options = {
        ...this.#setup,
        source: this.#sources.open(task.source),
        transforms: this.#transforms,
        signal: abort.signal,
        sendIds: async (batch: Buffer) => {
          taken = Promise.withResolvers();
          port.postMessage(batch, [batch.buffer as ArrayBuffer]);
          await taken.promise;
        },
      };
      return await this.#rowMemory.use((buffers) => checkFile(task, { ...options, buffers }));
    } finally {
      port.close();
    }
  }
}

/** Aborted by any message on a task's port. */
function stopOf(port: MessagePort): AbortSignal {
  const abort = new AbortController();
  port.on('message', () => abort.abort(new Error('the load was stopped')));
  return abort.signal;
}
