/**
 * `npm run bench:growth`: how a load's time, CPU time and memory grow with the data's size, the largest file's size and
 * thread-num. Writes growth.json and its plots, growth-*.svg, to bench/results/, or to the folder BENCH_RESULTS_FOLDER. With `--only` the
 * other series keep the figures and plots that they have there.
 *
 *   npm run bench:growth -- [--size largest data in MB] [--rounds N] [--only sizes,threads,files] [--postgres folder/of/bin]
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBenchOptions } from './bench-options.ts';
import { compareLoads } from './compare-loads.ts';
import { plots } from './growth/plots.ts';
import { SERIES } from './growth/series.ts';
import { reportTable, type Summary } from './report/bench-report.ts';
import { resultsFolder } from './report/results-folder.ts';

const options = readBenchOptions({ megabytes: 4000, rounds: 1 }, ['files', 'compare', 'json']);
const { megabytes: most, seed, only } = options;
const unknown = only.filter((name) => !(name in SERIES));
if (unknown.length > 0) throw new Error(`no ${unknown}; there are ${Object.keys(SERIES)}`);
const results: Record<string, readonly (Summary & { at: number })[]> = {};
const measured: Record<string, object> = {};
for (const [name, series] of Object.entries(SERIES)) {
  if (only.length > 0 && !only.includes(name)) continue;
  const points = await series({ most, seed });
  // The seed makes each point's data its own, so all points can share a Postgres.
  const report = await compareLoads(
    points.map(({ contender }) => contender),
    { ...options, only: [] },
  );
  const figures = report.results.map((summary, n) => ({ ...summary, at: points[n]?.at ?? Number.NaN }));
  results[name] = figures;
  measured[name] = { at: report.at, machine: report.machine, postgres: report.postgres, most, seed, results: figures };
  console.log(`\n${name}\n${reportTable(report.results)}`);
}
const folder = resultsFolder();
const path = join(folder, 'growth.json');
await mkdir(folder, { recursive: true });
const before: object = existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : {};
await writeFile(path, `${JSON.stringify({ ...before, ...measured }, null, 2)}\n`);
for (const [name, svg] of Object.entries(await plots(results))) await writeFile(join(folder, name), `${svg}\n`);
