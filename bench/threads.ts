/**
 * `npm run bench:threads`: how many files at once, on how many cores, the loader's one main thread can serve. Measures the CPU time of
 * the main thread, of all other threads and of Postgres, for each file and each MB, by loads of many files and of few large ones, and for each
 * small file of a batch; simulates loads on more cores than this machine has with these figures. Options as of `npm run bench`; --size is that of
 * the large files, --files the number of small ones.
 */
import { type BenchOptions, readBenchOptions } from './bench-options.ts';
import type { BenchDeps } from './contenders/contender.ts';
import type { BenchData } from './dataset/bench-data.ts';
import type { Shape } from './dataset/plan-data.ts';
import { prepareData } from './dataset/prepare-data.ts';
import { resetTables } from './postgres/resource-rows.ts';
import { LoaderProcess } from './process/loader-process.ts';
import { cpuSeconds, familyCpuSeconds, mainThreadCpuSeconds } from './process/proc-stat.ts';
import { describeMachine, machine } from './report/machine.ts';
import { median } from './report/median.ts';
import { textTable } from './report/text-table.ts';
import { fitCost } from './threads/fit-cost.ts';
import { type Cost, type Place, simulateSlots } from './threads/simulate-slots.ts';
import { withParts } from './with-parts.ts';

const PLACES = ['main thread', 'other threads', 'Postgres'] as const;
type PlaceName = (typeof PLACES)[number];
type Load = { kind: Shape; files: number; megabytes: number } & Record<PlaceName, number>;
type Costs = Record<PlaceName, Cost>;

/** What a file, or a batch, brings to a thread of the loader: another one is begun with every fourth (choose-thread.ts). */
const FILES_PER_THREAD = 4;
const SLOTS = [1, 2, 4, 8, 12, 16, 24, 32, 64];
/** Sizes of files, in MB of ndjson: about the least that is loaded by itself, and what a bulk export has. */
const SIZES = [1, 20];
/** So many times the size of the large files: none of 400 is then small enough for a batch. */
const MANY = 6;

const options = readBenchOptions({ megabytes: 60, rounds: 2 }, ['only', 'compare', 'postgres-memory']);
const loads = await measure(options);
const single = loads.filter(({ kind }) => kind !== 'small-files');
const costs = costOf((place) => fitCost(single.map((load) => ({ ...load, seconds: load[place] }))));
const small = loads.filter(({ kind }) => kind === 'small-files');
const smallCosts = costOf((place) => ({
  perFile: median(small.map((load) => load[place] / load.files)),
  perMegabyte: 0,
}));
const simulations = [
  ...SIZES.map((megabytes) =>
    simulate(`files of ${megabytes} MB`, { megabytes, costs, filesPerThread: FILES_PER_THREAD }),
  ),
  ...[FILES_PER_THREAD, 2, 1].map((slots) =>
    simulate(`small files, a thread for ${slots === 1 ? 'each batch' : `${slots} batches`}`, {
      megabytes: 0,
      costs: smallCosts,
      filesPerThread: slots,
    }),
  ),
];

if (options.json) console.log(JSON.stringify({ machine: machine(), loads, costs, smallCosts, simulations }, null, 2));
else print();

function costOf(of: (place: PlaceName) => Cost): Costs {
  return Object.fromEntries(PLACES.map((place) => [place, of(place)])) as Costs;
}

function simulate(what: string, of: { megabytes: number; costs: Costs; filesPerThread: number }) {
  const rows = SLOTS.map((slots) => ({ slots, ...simulateSlots(slots, of.megabytes, placesFor(slots, of)) }));
  return { what, rows };
}

/** The cores that a load of so many slots has: each backend its own, and the loader what its threads need. */
function placesFor(slots: number, { costs: cost, filesPerThread }: { costs: Costs; filesPerThread: number }): Place[] {
  return [
    { ...cost['main thread'], servers: 1 },
    { ...cost['other threads'], servers: Math.max(1, Math.ceil(slots / filesPerThread)) },
    { ...cost.Postgres, servers: slots },
  ];
}

async function measure({ megabytes, files, seed, rounds, threads, postgres }: BenchOptions): Promise<Load[]> {
  const bytes = megabytes * 1e6;
  const data: [Shape, BenchData][] = [
    ['small-files', await prepareData({ shape: 'small-files', bytes: 0, files, seed })],
    ['mid-files', await prepareData({ shape: 'mid-files', bytes: MANY * bytes, seed })],
    ['many-files', await prepareData({ shape: 'many-files', bytes, seed: seed + 1 })],
  ];
  return await withParts({ postgres, threads }, async (parts) => {
    const found: Load[] = [];
    const server = await LoaderProcess.start({ databaseUrl: parts.database.url });
    try {
      // The first round compiles the code.
      for (let round = 0; round <= rounds; round++) {
        for (const [kind, each] of data) {
          const load = await loadOnce(server, parts, each);
          if (round > 0) found.push({ kind, ...load });
        }
      }
    } finally {
      await server.stop();
    }
    return found;
  });
}

async function loadOnce(
  server: LoaderProcess,
  { database, s3, threads }: BenchDeps,
  data: BenchData,
): Promise<Omit<Load, 'kind'>> {
  await resetTables(database.client, data, 'pglz');
  const times = () => {
    const main = mainThreadCpuSeconds(server.pid);
    return {
      'main thread': main,
      'other threads': cpuSeconds(server.pid) - main,
      Postgres: familyCpuSeconds(database.pid ?? Number.NaN),
    };
  };
  const before = times();
  await server.load(data.name, s3, { 'thread-num': threads });
  const after = times();
  const spent = Object.fromEntries(PLACES.map((place) => [place, after[place] - before[place]]));
  const megabytes = data.files.reduce((sum, { rawBytes }) => sum + rawBytes, 0) / 1e6;
  return { files: data.files.length, megabytes, ...(spent as Record<PlaceName, number>) };
}

function print(): void {
  console.log(`${describeMachine(machine())}\n`);
  console.log(
    textTable(
      ['', 'files', 'MB', ...PLACES.map((place) => `${place}, CPU s`)],
      loads.map((load) => [
        load.kind,
        String(load.files),
        load.megabytes.toFixed(0),
        ...PLACES.map((place) => load[place].toFixed(2)),
      ]),
    ),
  );
  console.log(
    `\n${textTable(
      ['CPU ms', 'a file', 'a MB', 'a small file'],
      PLACES.map((place) => [
        place,
        (costs[place].perFile * 1000).toFixed(2),
        (costs[place].perMegabyte * 1000).toFixed(2),
        (smallCosts[place].perFile * 1000).toFixed(2),
      ]),
    )}`,
  );
  for (const { what, rows } of simulations) {
    console.log(`\nsimulated, ${what}, a core for each thread and backend`);
    console.log(
      textTable(
        ['slots', 'files/s', 'MB/s', ...PLACES.map((place) => `${place} busy`)],
        rows.map(({ slots, filesPerSecond, megabytesPerSecond, busy }) => [
          String(slots),
          filesPerSecond.toFixed(1),
          megabytesPerSecond === 0 ? '–' : megabytesPerSecond.toFixed(0),
          ...busy.map((part) => `${Math.round(part * 100)} %`),
        ]),
      ),
    );
  }
}
