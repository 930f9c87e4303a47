/**
 * `npm run bench:growth`: how a load's time, CPU time and memory grow with the data's size, the largest file's size and
 * thread-num. Writes growth.json and its plots, growth-*.svg, to bench/results/.
 *
 *   npm run bench:growth -- [--size largest data in MB] [--rounds N] [--only sizes,threads,files] [--postgres folder/of/bin]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBenchOptions } from './bench-options.ts';
import { compareLoads } from './compare-loads.ts';
import { plots } from './growth/plots.ts';
import { SERIES } from './growth/series.ts';
import { reportTable, type Summary } from './report/bench-report.ts';
import { machine } from './report/machine.ts';

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));

const options = readBenchOptions({ megabytes: 4000, rounds: 1 });
const { megabytes: most, seed, only } = options;
const results: Record<string, readonly (Summary & { at: number })[]> = {};
let postgres = '';
for (const [name, series] of Object.entries(SERIES)) {
  if (only.length > 0 && !only.includes(name)) continue;
  const points = await series({ most, seed });
  // The seed makes each point's data its own, so all points can share a Postgres.
  const report = await compareLoads(
    points.map(({ contender }) => contender),
    { ...options, only: [] },
  );
  postgres = report.postgres;
  results[name] = report.results.map((summary, n) => ({ ...summary, at: points[n]?.at ?? Number.NaN }));
  console.log(`\n${name}\n${reportTable(report.results)}`);
}
await mkdir(RESULTS, { recursive: true });
const report = { at: new Date().toISOString(), machine: machine(), postgres, most, seed, results };
await writeFile(join(RESULTS, 'growth.json'), `${JSON.stringify(report, null, 2)}\n`);
for (const [name, svg] of Object.entries(await plots(results))) await writeFile(join(RESULTS, name), `${svg}\n`);
