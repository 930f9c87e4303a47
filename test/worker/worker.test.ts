import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { createLineMemory } from '../../src/pipeline/line-memory.ts';
import type { WorkerSetup } from '../../src/worker/file-task.ts';

const SETUP: WorkerSetup = {
  database: { host: 'localhost', port: 1, user: 'nobody', database: 'none' },
  dataAddresses: [],
  maxLineBytes: 1_000,
  lineMemory: createLineMemory(10_000, 1_000),
  loadableTypes: { named: [], everyTable: false },
  sources: { allowPrivateHosts: true, fileRoots: [] },
};

test('a thread can be ended while it loads its code: Node makes no second module around the first, which it cannot leave half made', async () => {
  const path = fileURLToPath(new URL('../../src/worker/worker.ts', import.meta.url));
  // Node marks what it makes around a module with `__esModule`.
  const code = `require('node:worker_threads').parentPort.postMessage(Object.getOwnPropertyNames(require(${JSON.stringify(path)})))`;
  const worker = new Worker(code, { eval: true, workerData: SETUP });
  const [names] = await once(worker, 'message');
  await worker.terminate();
  assert.deepEqual(names, ['batch', 'check', 'file', 'keepCode', 'ready']);
});
