/**
 * `npm run bench:listing`: a bucket of very many objects, each page of whose listing takes 100 ms: time, CPU and memory until the call
 * is answered, and time until the first file is loaded; then, all files being done, what two more calls take to their end. `--size` counts
 * thousands of objects here; with `--compare path/of/another/tree` both trees list in turn. A real bucket instead of a simulated
 * one: BENCH_S3_ENDPOINT (s3/listing-store.ts). `--only first` leaves the later calls out. Other options as of `npm run bench`.
 */
import { basename, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readBenchOptions } from './bench-options.ts';
import { type BenchDatabase, openBenchDatabase } from './postgres/bench-database.ts';
import { LoaderProcess } from './process/loader-process.ts';
import { familyCpuSeconds } from './process/proc-stat.ts';
import { describeMachine, machine } from './report/machine.ts';
import { textTable } from './report/text-table.ts';
import { type ListingStore, openListingStore } from './s3/listing-store.ts';

const PAGE_MS = 100;
/** Longest wait for the first file after the answer, in ms. */
const FIRST_FILE_MS = 300_000;
const FIRST_HEAD = [
  '',
  'answered s',
  'loader CPU s',
  'Postgres CPU s',
  'RSS MB',
  'requests',
  'first file s',
  'RSS MB then',
];
const NEXT_HEAD = ['a call when all files are done', 'ended s', 'loader CPU s', 'Postgres CPU s', 'RSS MB'];
const NEXT_CALLS = { plain: {}, 'reload-changed?': { 'upsert?': true, 'reload-changed?': true } };

const COUNT_FILES = 'select count(*)::int as files from loaderfile';
const FIRST_FILE = `select from loaderfile where resource ->> 'status' = 'done' limit 1`;
const ALL_DONE = `update loaderfile set resource = resource || '{"status": "done"}' where resource ->> 'status' <> 'done'`;

const {
  megabytes: thousands,
  rounds,
  compare,
  postgres,
  only,
} = readBenchOptions({ megabytes: 1000, rounds: 1 }, ['seed', 'files', 'threads', 'postgres-memory', 'json']);
if (only.some((name) => name !== 'first')) throw new Error(`no ${only}; there is first`);
const store = await openListingStore(thousands * 1000, PAGE_MS);
const database = await openBenchDatabase({ bin: postgres });
try {
  const rows: { first: string[]; next: string[][] }[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const tree of [undefined, ...compare]) rows.push(await measure(database, store, tree));
  }
  const { rows: counted } = await database.client.query<{ files: number }>(COUNT_FILES);
  const of = process.env['BENCH_S3_ENDPOINT'] === undefined ? `${PAGE_MS} ms a page` : store.account.host;
  console.log(`${describeMachine(machine())}, ${database.label}; ${counted[0]?.files} objects, ${of}\n`);
  console.log(
    textTable(
      FIRST_HEAD,
      rows.map(({ first }) => first),
    ),
  );
  console.log(
    `\n${textTable(
      NEXT_HEAD,
      rows.flatMap(({ next }) => next),
    )}`,
  );
} finally {
  await database.close();
  store.close();
}

async function measure(of: BenchDatabase, s3: ListingStore, tree?: string) {
  const name = tree === undefined ? 'this tree' : basename(resolve(tree));
  await of.client.query('truncate loaderfile');
  await of.client.query('drop table if exists patient');
  const first = [name, ...(await measureFirst(of, s3, tree))];
  if (only.includes('first')) return { first, next: [] };
  await of.client.query(ALL_DONE);
  await of.client.query('vacuum analyze loaderfile');
  await of.client.query('checkpoint');
  return { first, next: await measureNext(of, s3, tree, name) };
}

async function measureFirst({ client, url, pid = 0 }: BenchDatabase, s3: ListingStore, tree?: string) {
  const server = await LoaderProcess.start({ databaseUrl: url, tree });
  try {
    const before = { requests: await s3.requests(), postgres: familyCpuSeconds(pid) };
    const started = performance.now();
    const answered = await server.call(s3.bucket, s3);
    const after = await s3.requests();
    const figures = [
      answered.wallS.toFixed(1),
      answered.cpuS.toFixed(1),
      (familyCpuSeconds(pid) - before.postgres).toFixed(1),
      (server.peakRss() / 1e6).toFixed(0),
      after === undefined || before.requests === undefined ? '–' : String(after - before.requests),
    ];
    const answeredAt = performance.now();
    const isLoaded = async () => (await client.query(FIRST_FILE)).rowCount === 1;
    while (performance.now() - answeredAt < FIRST_FILE_MS && !(await isLoaded())) await delay(20);
    const firstS = (performance.now() - started) / 1000;
    return [...figures, firstS.toFixed(1), (server.peakRss() / 1e6).toFixed(0)];
  } finally {
    await server.stop('SIGKILL');
  }
}

async function measureNext({ url, pid = 0 }: BenchDatabase, s3: ListingStore, tree: string | undefined, name: string) {
  const server = await LoaderProcess.start({ databaseUrl: url, tree });
  try {
    const rows: string[][] = [];
    for (const [call, params] of Object.entries(NEXT_CALLS)) {
      const before = familyCpuSeconds(pid);
      const { wallS, cpuS } = await server.load(s3.bucket, s3, params);
      const postgresS = familyCpuSeconds(pid) - before;
      const rssMb = server.peakRss() / 1e6;
      rows.push([`${call}, ${name}`, wallS.toFixed(1), cpuS.toFixed(2), postgresS.toFixed(2), rssMb.toFixed(0)]);
    }
    return rows;
  } finally {
    await server.stop('SIGKILL');
  }
}
