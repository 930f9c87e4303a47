import { workerData } from 'node:worker_threads';
import { FileWorker } from './file-worker.ts';

// The entry of a worker thread: piscina calls what the module exports, once per task.
const worker = new FileWorker(workerData);
export default worker.run.bind(worker);

/** Piscina calls these for tasks of their names. */
export const batch = worker.batch.bind(worker);

/** A file of a dry run. */
export const check = worker.check.bind(worker);

/** Of `WorkerPool.ready`: that it can be called is all. */
export const ready = () => {};

/** Of `WorkerPool.keepCode`: the build has its own (`tools/bundle/kept/worker.ts`). */
export const keepCode = () => {};
