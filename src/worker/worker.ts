import { workerData } from 'node:worker_threads';
import { FileWorker } from './file-worker.ts';

// The entry of a worker thread: piscina calls what the module exports, once per task.
const worker = new FileWorker(workerData);
export default worker.run.bind(worker);

/** Piscina calls it for tasks of this name. */
export const check = worker.check.bind(worker);
