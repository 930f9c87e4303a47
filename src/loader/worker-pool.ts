import { availableParallelism } from 'node:os';
import { MessageChannel, SHARE_ENV } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { FileOutcome, FileProgress, FileTask, WorkerSetup } from './file-task.ts';

type LoadBalancer = NonNullable<NonNullable<ConstructorParameters<typeof Piscina>[0]>['loadBalancer']>;

/** A thread takes several files when a load asks for more files at once than there are threads. */
const FILES_PER_THREAD = 128;

/** Threads that are kept ready: a thread takes a quarter of a second to start, and the default is four files at once. */
const READY_THREADS = 4;

/** How long threads above that live without work, in ms: an idle server is a small one. */
const IDLE_TIMEOUT_MS = 30_000;

export interface RunOptions {
  /** Aborting stops the file: its rows roll back and it returns to the queue. */
  signal: AbortSignal;
  onProgress: (progress: FileProgress) => void;
}

/** The worker threads of this process. The loads share them; each thread has its own connections. */
export class WorkerPool {
  readonly #piscina: Piscina<FileTask, FileOutcome>;

  /** @param threads most worker threads; more than the cores only costs memory */
  constructor(setup: WorkerSetup, threads = availableParallelism()) {
    this.#piscina = new Piscina({
      filename: new URL('./worker.ts', import.meta.url).href,
      workerData: setup,
      env: SHARE_ENV,
      minThreads: Math.min(threads, READY_THREADS),
      maxThreads: threads,
      idleTimeout: IDLE_TIMEOUT_MS,
      concurrentTasksPerWorker: FILES_PER_THREAD,
      // A worker that waits for its next task in Atomics.wait could not look after its connections.
      atomics: 'disabled',
      loadBalancer: leastBusy(threads),
    });
  }

  /** Loads a file on one of the threads. Throws only when the thread itself dies. */
  async run(task: Omit<FileTask, 'port'>, { signal, onProgress }: RunOptions): Promise<FileOutcome> {
    const { port1, port2 } = new MessageChannel();
    const stop = () => port1.postMessage('stop');
    port1.on('message', onProgress);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await this.#piscina.run({ ...task, port: port2 }, { transferList: [port2] });
    } finally {
      signal.removeEventListener('abort', stop);
      port1.close();
    }
  }

  /** Ends the threads; files still in hand roll back. */
  async close(): Promise<void> {
    await this.#piscina.destroy();
  }
}

/** The thread with the fewest files in hand; none of them while one more thread may start instead. */
function leastBusy(threads: number): LoadBalancer {
  return (_task, workers) => {
    let candidate: (typeof workers)[number] | null = null;
    for (const worker of workers) {
      if (worker.terminating || worker.destroyed) continue;
      if (candidate === null || worker.currentUsage < candidate.currentUsage) candidate = worker;
    }
    return candidate !== null && candidate.currentUsage > 0 && workers.length < threads ? null : candidate;
  };
}
