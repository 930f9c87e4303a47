/**
 * `npm run bench:small-files`: what each of very many small files costs, against the same rows in 20 files in the same run.
 *
 *   npm run bench:small-files -- [--files N] [--rounds N] [--threads N] [--compare path/of/another/tree,…]
 *                                [--only small,few] [--postgres folder/of/bin]
 *
 * Statements are counted where `--postgres` names one that has pg_stat_statements.
 */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type pg from 'pg';
import { readBenchOptions } from './bench-options.ts';
import type { Contender } from './contenders/contender.ts';
import { loader } from './contenders/loader.ts';
import { prepareData } from './dataset/prepare-data.ts';
import type { MeasuredRun } from './report/bench-report.ts';
import { describeMachine, machine } from './report/machine.ts';
import { median } from './report/median.ts';
import { textTable } from './report/text-table.ts';
import { runRounds } from './run-rounds.ts';
import { withParts } from './with-parts.ts';

const HEAD = [
  '',
  'wall s',
  'CPU s',
  'Postgres CPU s',
  'RSS MB',
  'WAL MB',
  'a file: wall ms',
  'CPU ms',
  'Postgres CPU ms',
  'commits',
  'statements',
  'WAL kB',
];

const options = readBenchOptions({ megabytes: 1, rounds: 1 }, ['size', 'postgres-memory', 'json']);
const { files, seed, compare, only, postgres, threads, rounds } = options;
const small = await prepareData({ shape: 'small-files', bytes: 0, files, seed });
const few = await prepareData({ shape: 'few-files', bytes: 0, files, seed });
const statistics = postgres !== undefined && existsSync(join(postgres, '../lib/pg_stat_statements.so'));
const settings = statistics ? { shared_preload_libraries: 'pg_stat_statements' } : {};

const trees = [undefined, ...compare];
const loads = [...trees.map((tree) => loadOf('small', small, tree)), ...trees.map((tree) => loadOf('few', few, tree))];
const unknown = only.filter((wanted) => !loads.some(({ name }) => name.startsWith(wanted)));
if (unknown.length > 0) throw new Error(`no ${unknown}; there are ${loads.map(({ name }) => name)}`);
const all = loads.filter(({ name }) => only.length === 0 || only.some((wanted) => name.startsWith(wanted)));

await withParts({ postgres, settings, threads }, async (parts) => {
  if (statistics) await parts.database.client.query('create extension pg_stat_statements');
  const runs = await runRounds(all, parts, rounds);
  console.log(`${new Date().toISOString()}: ${describeMachine(machine())}, ${parts.database.label}`);
  console.log(`${files} files of 1 to 50 rows, and the same rows in 20; ${threads} at a time, medians of ${rounds}\n`);
  console.log(
    textTable(
      HEAD,
      all.map((contender) => rowOf(contender, runs.get(contender.name) ?? [])),
    ),
  );
});

function loadOf(name: string, data: typeof small, tree: string | undefined): Contender {
  const full = tree === undefined ? name : `${name}:${basename(resolve(tree))}`;
  const contender = loader({ name: full, what: full, data, floor: full, process: { tree } });
  return {
    ...contender,
    async run(parts) {
      const before = await countsOf(parts.database.client);
      const figures = await contender.run(parts);
      // The server has ended, and so have its sessions: all that they counted is there to be read.
      const after = await countsOf(parts.database.client);
      return {
        ...figures,
        more: {
          commits: after.commits - before.commits,
          ...(statistics ? { statements: after.statements - before.statements } : {}),
        },
      };
    },
  };
}

async function countsOf(client: pg.Client): Promise<{ commits: number; statements: number }> {
  const { rows } = await client.query<{ commits: number; statements: number }>(
    `select xact_commit::float8 as commits,
            ${statistics ? '(select sum(calls)::float8 from pg_stat_statements)' : '0'} as statements
       from pg_stat_database where datname = current_database()`,
  );
  return rows[0] ?? { commits: 0, statements: 0 };
}

function rowOf({ name, data }: Contender, runs: readonly MeasuredRun[]): string[] {
  const of = (figure: (run: MeasuredRun) => number | undefined) => {
    const figures = runs.map(figure).filter((value) => value !== undefined);
    return figures.length === 0 ? undefined : median(figures);
  };
  const count = data.files.length;
  const perFile = (sum: number | undefined) => (sum === undefined ? undefined : sum / count);
  const figures: [number | undefined, number][] = [
    [of(({ wallS }) => wallS), 2],
    [of(({ cpuS }) => cpuS), 2],
    [of(({ postgresCpuS }) => postgresCpuS), 2],
    [of(({ peakRssBytes = 0 }) => peakRssBytes / 1e6), 0],
    [of(({ walBytes }) => walBytes / 1e6), 1],
    [of(({ wallS }) => (wallS * 1e3) / count), 2],
    [of(({ cpuS = Number.NaN }) => (cpuS * 1e3) / count), 2],
    [of(({ postgresCpuS = Number.NaN }) => (postgresCpuS * 1e3) / count), 2],
    [of(({ more }) => (more?.['commits'] ?? 0) / count), 2],
    [perFile(of(({ more }) => more?.['statements'])), 1],
    [of(({ walBytes }) => walBytes / 1e3 / count), 1],
  ];
  return [name, ...figures.map(([value, digits]) => (value === undefined ? '–' : value.toFixed(digits)))];
}
