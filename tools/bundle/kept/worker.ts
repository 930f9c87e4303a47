import { runKept } from '../../../src/kept-code.ts';
import type * as program from '../../../src/worker/worker.ts';

// In the build this stands for `src/worker/worker.ts`, whose code is beside it.

const { exports, keep } = runKept(new URL('./worker.cjs', import.meta.url));
const { batch, check, file, ready } = exports as typeof program;

export { batch, check, file, keep as keepCode, ready };
