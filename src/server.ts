import { lackOfNode } from './lack-of-node.ts';

const lack = lackOfNode();
if (lack === undefined) await start();
else {
  process.stderr.write(`${lack}\n`);
  process.exitCode = 1;
}

async function start(): Promise<void> {
  // An older Node cannot even link what is imported here.
  const { keepYoungHeapSmall } = await import('./young-heap.ts');
  keepYoungHeapSmall();
  const { useCompileCache } = await import('./compile-cache.ts');
  // The program itself is imported only once its compiled code can be found.
  const compileCache = useCompileCache(process.env);
  const { runServer } = await import('./run-server.ts');
  await runServer(compileCache);
}
