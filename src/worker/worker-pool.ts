import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { MessageChannel, type MessagePort, SHARE_ENV } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { BatchOutcome, BatchTask } from './batch-task.ts';
import type { CheckOutcome, CheckTask } from './check-task.ts';
import { chooseThread } from './choose-thread.ts';
import type { FileOutcome, FileProgress, FileTask, WorkerSetup } from './file-task.ts';
import { setWorkerHeap } from './worker-heap.ts';

/** Most files of a thread: more than any load asks for, since a file that is begun must not wait. */
const FILES_PER_THREAD = 128;

/** Threads that are kept ready: one takes a quarter of a second to start. */
const READY_THREADS = 1;

/** How long threads above that live without work, in ms: an idle server is a small one. */
const IDLE_TIMEOUT_MS = 30_000;

export interface RunOptions {
  /** Aborting stops the file: its rows roll back and it returns to the queue. */
  signal: AbortSignal;
  onProgress: (progress: FileProgress) => void;
}

/** The worker threads of this process. The loads share them; each thread has its own connections. */
export class WorkerPool {
  readonly #piscina: Piscina<FileTask | BatchTask | CheckTask | undefined, FileOutcome | BatchOutcome | CheckOutcome>;
  readonly #ready: Promise<unknown>;

  /** @param threads most worker threads; more than the cores only costs memory */
  constructor(setup: WorkerSetup, threads = availableParallelism()) {
    setWorkerHeap();
    this.#piscina = new Piscina({
      filename: new URL(`./worker${extname(import.meta.url)}`, import.meta.url).href,
      name: 'file',
      workerData: setup,
      env: SHARE_ENV,
      minThreads: Math.min(threads, READY_THREADS),
      maxThreads: threads,
      idleTimeout: IDLE_TIMEOUT_MS,
      concurrentTasksPerWorker: FILES_PER_THREAD,
      // A worker that waits for its next task in Atomics.wait could not look after its connections.
      atomics: 'disabled',
      loadBalancer: (_task, workers) => chooseThread(workers, threads),
    });
    // At once: what keeps a thread without a task from starting is an event that would end the process.
    this.#ready = this.#piscina.run(undefined, { name: 'ready' });
    this.#ready.catch(() => {});
  }

  /**
   * Resolves once a thread has started, with all that it imports.
   * @throws what keeps it from that, and would every file
   */
  async ready(): Promise<void> {
    await this.#ready;
  }

  /**
   * Has a thread keep its compiled code for the next start of the program; the sources leave that to Node.
   * @throws when it cannot be written
   */
  async keepCode(): Promise<void> {
    await this.#piscina.run(undefined, { name: 'keepCode' });
  }

  /** Loads a file on one of the threads. Throws only when the thread itself dies. */
  async run(task: Omit<FileTask, 'port'>, { signal, onProgress }: RunOptions): Promise<FileOutcome> {
    const outcome = await this.#load((port) => ({ ...task, port }), { signal, name: 'file', onMessage: onProgress });
    if (outcome.kind === 'checked' || outcome.kind === 'batch') throw new Error(`a file became ${outcome.kind}`);
    return outcome;
  }

  /** Loads small files together on one of the threads. Throws only when the thread itself dies. */
  async runBatch(task: Omit<BatchTask, 'port'>, { signal }: Pick<RunOptions, 'signal'>): Promise<BatchOutcome> {
    const outcome = await this.#load((port) => ({ ...task, port }), { signal, name: 'batch' });
    if (outcome.kind !== 'batch' && outcome.kind !== 'retry') throw new Error(`a batch became ${outcome.kind}`);
    return outcome;
  }

  /**
   * Reads a file on one of the threads, as a load does, and stores nothing.
   * @param onIds takes a batch of its ids, as `IdBatches` makes them; the next one comes when that has resolved
   * @throws the signal's reason, what `onIds` does, or an error when the thread dies
   */
  async check(
    task: Omit<CheckTask, 'port'>,
    { signal, onIds }: { signal: AbortSignal; onIds: (batch: Uint8Array) => Promise<void> },
  ): Promise<CheckOutcome> {
    signal.throwIfAborted();
    const { port1, port2 } = new MessageChannel();
    const refused = Promise.withResolvers<never>();
    const end = (error: unknown) => {
      port1.postMessage('stop');
      refused.reject(error);
    };
    const stop = () => end(signal.reason);
    port1.on('message', (batch: Uint8Array) => void onIds(batch).then(() => port1.postMessage('next'), end));
    signal.addEventListener('abort', stop, { once: true });
    const checked = this.#piscina.run({ ...task, port: port2 }, { name: 'check', transferList: [port2] });
    try {
      const outcome = await Promise.race([checked, refused.promise]);
      if (outcome.kind !== 'checked') throw new Error('a file that was to be checked was loaded');
      return outcome;
    } finally {
      signal.removeEventListener('abort', stop);
      // What stopped it is known; its own end follows.
      await checked.catch(() => {});
      port1.close();
    }
  }

  /** Has a thread carry out a task until its end, which an abort of the signal brings about sooner. */
  async #load(
    taskFor: (port: MessagePort) => FileTask | BatchTask,
    { signal, name, onMessage }: { signal: AbortSignal; name: string; onMessage?: (progress: FileProgress) => void },
  ): Promise<FileOutcome | BatchOutcome | CheckOutcome> {
    const { port1, port2 } = new MessageChannel();
    const stop = () => port1.postMessage('stop');
    if (onMessage !== undefined) port1.on('message', onMessage);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await this.#piscina.run(taskFor(port2), {
        transferList: [port2],
        name,
      });
    } finally {
      signal.removeEventListener('abort', stop);
      port1.close();
    }
  }

  /** Ends the threads; files still in flight roll back. */
  async close(): Promise<void> {
    await this.#piscina.destroy();
  }
}
