import { workerData } from 'node:worker_threads';
import { FileWorker } from './file-worker.ts';

// The entry of a worker thread: piscina calls what the module exports, once per task, by the task's name. There is no default export: piscina requires
// the module first, and for one with a default export Node then makes another module around it. Node aborts the whole process when a thread is
// ended while that is made (`CreateRequiredModuleFacade`, as of 24.21), as by a server that stops right after its start: met by each of three runs
// that ended 300 threads requiring 400 small modules, by none of four without default exports.
const worker = new FileWorker(workerData);

/** A file by itself. */
export const file = worker.run.bind(worker);

/** Small files together. */
export const batch = worker.batch.bind(worker);

/** A file of a dry run. */
export const check = worker.check.bind(worker);

/** Of `WorkerPool.ready`: that it can be called is all. */
export const ready = () => {};

/** Of `WorkerPool.keepCode`: the build has its own (`tools/bundle/kept/worker.ts`). */
export const keepCode = () => {};
