import { useCompileCache } from './compile-cache.ts';
import { keepYoungHeapSmall } from './young-heap.ts';

keepYoungHeapSmall();
// The program itself is imported only once its compiled code can be found.
const compileCache = useCompileCache(process.env);
const { runServer } = await import('./run-server.ts');
await runServer(compileCache);
