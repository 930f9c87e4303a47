import type { CompileCache } from '../../../src/compile-cache.ts';
import { runKept } from '../../../src/kept-code.ts';
import type * as program from '../../../src/run-server.ts';
import { setWorkerHeap } from '../../../src/worker/worker-heap.ts';

// In the build this stands for `src/run-server.ts`, whose code is beside it.

/** @see program.runServer */
export async function runServer(compileCache: CompileCache): Promise<void> {
  // The server sets it before it starts a thread; code that is kept afterwards is taken with the same flags only.
  setWorkerHeap();
  const { exports, keep } = runKept(new URL('./run-server.cjs', import.meta.url));
  await (exports as typeof program).runServer(compileCache, keep);
}
