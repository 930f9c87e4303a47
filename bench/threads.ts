/**
 * `npm run bench:threads`: how many files at once, on how many cores, the loader's one main thread can serve. Measures the CPU time of
 * the main thread, of all other threads and of Postgres, for each file and each MB, by loads of many small files and of few large ones, and
 * simulates loads on more cores than this machine has with these figures. Options as of `npm run bench`; --size is that of the large files.
 */
import { type BenchOptions, readBenchOptions } from './bench-options.ts';
import type { BenchDeps } from './contenders/contender.ts';
import type { BenchData } from './dataset/bench-data.ts';
import { prepareData } from './dataset/prepare-data.ts';
import { resetTables } from './postgres/resource-rows.ts';
import { LoaderProcess } from './process/loader-process.ts';
import { cpuSeconds, familyCpuSeconds, mainThreadCpuSeconds } from './process/proc-stat.ts';
import { describeMachine, machine } from './report/machine.ts';
import { textTable } from './report/text-table.ts';
import { fitCost } from './threads/fit-cost.ts';
import { type Cost, type Place, simulateSlots } from './threads/simulate-slots.ts';
import { withParts } from './with-parts.ts';

const PLACES = ['main thread', 'other threads', 'Postgres'] as const;
type PlaceName = (typeof PLACES)[number];
type Load = { files: number; megabytes: number } & Record<PlaceName, number>;

/** What a file brings to a thread of the loader: another one is begun with every fourth (choose-thread.ts). */
const FILES_PER_THREAD = 4;
const SLOTS = [1, 2, 4, 8, 12, 16, 24, 32, 64];
/** Sizes of files, in MB of ndjson: ten rows, and what a bulk export has. */
const SIZES = [0.01, 1, 20];

const options = readBenchOptions({ megabytes: 60, rounds: 2 });
const loads = await measure(options);
const costs = Object.fromEntries(
  PLACES.map((place) => [place, fitCost(loads.map((load) => ({ ...load, seconds: load[place] })))]),
) as Record<PlaceName, Cost>;
const simulations = SIZES.map((megabytes) => ({
  megabytes,
  rows: SLOTS.map((slots) => ({ slots, ...simulateSlots(slots, megabytes, placesFor(slots, costs)) })),
}));

if (options.json) console.log(JSON.stringify({ machine: machine(), loads, costs, simulations }, null, 2));
else print();

/** The cores that a load of so many slots has: each backend its own, and the loader what its threads need. */
function placesFor(slots: number, cost: Record<PlaceName, Cost>): Place[] {
  return [
    { ...cost['main thread'], servers: 1 },
    { ...cost['other threads'], servers: Math.max(1, Math.ceil(slots / FILES_PER_THREAD)) },
    { ...cost.Postgres, servers: slots },
  ];
}

async function measure({ megabytes, seed, rounds, threads, postgres }: BenchOptions): Promise<Load[]> {
  const data = [
    await prepareData({ shape: 'mid-files', bytes: 1e6, seed }),
    await prepareData({ shape: 'mid-files', bytes: megabytes * 1e6, seed }),
    await prepareData({ shape: 'many-files', bytes: megabytes * 1e6, seed: seed + 1 }),
  ];
  return await withParts({ postgres, threads }, async (parts) => {
    const found: Load[] = [];
    const server = await LoaderProcess.start({ databaseUrl: parts.database.url });
    try {
      // The first round compiles the code.
      for (let round = 0; round <= rounds; round++) {
        for (const each of data) {
          const load = await loadOnce(server, parts, each);
          if (round > 0) found.push(load);
        }
      }
    } finally {
      await server.stop();
    }
    return found;
  });
}

async function loadOnce(server: LoaderProcess, { database, s3, threads }: BenchDeps, data: BenchData): Promise<Load> {
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
      ['files', 'MB', ...PLACES.map((place) => `${place}, CPU s`)],
      loads.map((load) => [
        String(load.files),
        load.megabytes.toFixed(0),
        ...PLACES.map((place) => load[place].toFixed(2)),
      ]),
    ),
  );
  console.log(
    `\n${textTable(
      ['CPU ms', 'a file', 'a MB'],
      PLACES.map((place) => [
        place,
        (costs[place].perFile * 1000).toFixed(2),
        (costs[place].perMegabyte * 1000).toFixed(2),
      ]),
    )}`,
  );
  for (const { megabytes, rows } of simulations) {
    console.log(`\nsimulated, files of ${megabytes} MB, a core for each thread and backend`);
    console.log(
      textTable(
        ['slots', 'files/s', 'MB/s', ...PLACES.map((place) => `${place} busy`)],
        rows.map(({ slots, filesPerSecond, megabytesPerSecond, busy }) => [
          String(slots),
          filesPerSecond.toFixed(1),
          megabytesPerSecond.toFixed(0),
          ...busy.map((part) => `${Math.round(part * 100)} %`),
        ]),
      ),
    );
  }
}
