/**
 * `npm run bench:listing`: a bucket of very many objects, each page of whose listing takes 100 ms: time, CPU and memory until the call
 * is answered, and time until the first file is loaded. `--size` counts thousands of objects here; with
 * `--compare path/of/another/tree` both trees list in turn. Other options as of `npm run bench`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { basename, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readBenchOptions } from './bench-options.ts';
import { type BenchDatabase, openBenchDatabase } from './postgres/bench-database.ts';
import { LoaderProcess } from './process/loader-process.ts';
import { familyCpuSeconds } from './process/proc-stat.ts';
import { describeMachine, machine } from './report/machine.ts';
import { textTable } from './report/text-table.ts';
import type { FileServer } from './s3/start-file-server.ts';

const PAGE_MS = 100;
/** Longest wait for the first file, in ms. */
const FIRST_FILE_MS = 300_000;
const FIRST_FILE = `select from loaderfile where resource ->> 'status' = 'done' limit 1`;

const { megabytes: thousands, rounds, compare, postgres } = readBenchOptions({ megabytes: 1000, rounds: 1 });
const store = await startStore(thousands * 1000);
const database = await openBenchDatabase({ bin: postgres });
try {
  const rows: string[][] = [];
  for (let round = 0; round < rounds; round++) {
    for (const tree of [undefined, ...compare]) rows.push(await measure(database, store, tree));
  }
  console.log(`${describeMachine(machine())}, ${database.label}; ${thousands},000 objects, ${PAGE_MS} ms a page\n`);
  const head = [
    '',
    'answered s',
    'loader CPU s',
    'Postgres CPU s',
    'RSS MB',
    'requests',
    'first file s',
    'RSS MB then',
  ];
  console.log(textTable(head, rows));
} finally {
  await database.close();
  store.close();
}

async function measure({ client, url, pid = 0 }: BenchDatabase, s3: FileServer, tree?: string): Promise<string[]> {
  await client.query('truncate loaderfile');
  await client.query('drop table if exists patient');
  const server = await LoaderProcess.start({ databaseUrl: url, tree });
  try {
    const before = { requests: await s3.requests(), postgres: familyCpuSeconds(pid) };
    const started = performance.now();
    const answered = await server.call('bucket', s3);
    const figures = [
      answered.wallS.toFixed(1),
      answered.cpuS.toFixed(1),
      (familyCpuSeconds(pid) - before.postgres).toFixed(1),
      (server.peakRss() / 1e6).toFixed(0),
      String((await s3.requests()) - before.requests),
    ];
    const isLoaded = async () => (await client.query(FIRST_FILE)).rowCount === 1;
    while (performance.now() - started < FIRST_FILE_MS && !(await isLoaded())) await delay(20);
    const firstS = (performance.now() - started) / 1000;
    const name = tree === undefined ? 'this tree' : basename(resolve(tree));
    return [name, ...figures, firstS.toFixed(1), (server.peakRss() / 1e6).toFixed(0)];
  } finally {
    await server.stop('SIGKILL');
  }
}

async function startStore(objects: number): Promise<FileServer> {
  const program = fileURLToPath(new URL('./s3/listing-server.ts', import.meta.url));
  const child = fork(program, [String(objects), String(PAGE_MS)]);
  const [port] = await once(child, 'message');
  return {
    pid: child.pid ?? 0,
    account: { host: `http://127.0.0.1:${port}`, region: 'us-east-1', 'access-key-id': 'b', 'secret-access-key': 'b' },
    async requests() {
      child.send('requests');
      const [message] = await once(child, 'message');
      return message.requests;
    },
    close: () => void child.kill(),
  };
}
