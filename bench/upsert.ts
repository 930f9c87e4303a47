/**
 * `npm run bench:upsert`: what a second load with `upsert?` costs, by how many of its resources have changed since the
 * first, of small rows and of rows that Postgres compresses and moves out of line (TOAST). A plain load into empty tables is
 * what the others are compared with, in time and WAL. Options as of `npm run bench`.
 */
import { basename, resolve } from 'node:path';
import { readBenchOptions } from './bench-options.ts';
import { compareLoads, printReport } from './compare-loads.ts';
import type { BenchDeps, Contender } from './contenders/contender.ts';
import { fillTables } from './contenders/fill-tables.ts';
import { fillByLastNight } from './contenders/last-night.ts';
import { loader } from './contenders/loader.ts';
import type { BenchData } from './dataset/bench-data.ts';
import { prepareCopyFiles, prepareData } from './dataset/prepare-data.ts';

const CHANGED = [0, 1, 50, 100];

const options = readBenchOptions({ megabytes: 200 }, ['files']);
const { megabytes, seed, compare } = options;
const contenders: Contender[] = [];
for (const [name, shape] of [
  ['small', 'many-files'],
  ['large', 'large-rows'],
] as const) {
  const data = await prepareData({ shape, bytes: megabytes * 1e6, seed });
  await prepareCopyFiles(data);
  contenders.push(...loadsOf(name, data));
  for (const tree of compare) contenders.push(...loadsOf(name, data, tree));
}
printReport(await compareLoads(contenders, options), options);

/**
 * The first load of the data; then, by how much of it has changed, loads where nothing is known of its rows, and such where a load with
 * `upsert?` has inserted them (`second`) or compared them (`night`).
 */
function loadsOf(name: string, data: BenchData, tree?: string): Contender[] {
  const of = tree === undefined ? '' : `:${basename(resolve(tree))}`;
  const common = { data, floor: `${name}-first`, process: { tree } };
  const upsert = { ...common, params: { 'upsert?': true } };
  return [
    loader({ ...common, name: `${name}-first${of}`, what: `a plain load of ${name} rows` }),
    loader({ ...upsert, name: `${name}-new${of}`, what: 'upsert? where none exist' }),
    ...CHANGED.map((percent) => ({
      ...loader({ ...upsert, name: `${name}-${percent}${of}`, what: `upsert? where ${percent} % have changed` }),
      prepare: ({ database }: { database: Parameters<typeof fillTables>[0] }) => fillTables(database, data, percent),
    })),
    ...(['second', 'night'] as const).flatMap((after) =>
      CHANGED.map((changed) => ({
        ...loader({
          ...upsert,
          name: `${name}-${after}-${changed}${of}`,
          what: `the ${after === 'second' ? 'second' : 'next'} upsert? where ${changed} % have changed`,
        }),
        prepare: (parts: BenchDeps) => fillByLastNight(parts, data, { filled: after === 'night', changed, tree }),
      })),
    ),
  ];
}
