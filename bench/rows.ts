/**
 * `npm run bench:rows`: how the rate of a load falls with the rows that its table holds already, by the order of the ids, while the primary key
 * stays on. Fills tables up to --most million rows, and loads --load thousand rows at each step, each after a checkpoint. Writes growth-rows.json
 * and its plots, growth-rows-*.svg, to bench/results/, or to the folder BENCH_RESULTS_FOLDER.
 *
 *   npm run bench:rows -- [--most million rows] [--load thousand rows] [--rounds N]
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { parseOptions, toInteger } from '../demo/parse-options.ts';
import { createResourceTable } from '../src/store/ensure-resource-table.ts';
import { positive } from './bench-options.ts';
import type { BenchDeps } from './contenders/contender.ts';
import { cacheFolder } from './dataset/prepare-data.ts';
import { LoaderProcess } from './process/loader-process.ts';
import { familyCpuSeconds } from './process/proc-stat.ts';
import { machine } from './report/machine.ts';
import { median } from './report/median.ts';
import { resultsFolder } from './report/results-folder.ts';
import { textTable } from './report/text-table.ts';
import { ID_ORDERS, type IdOrder, idInSql, TYPE_OF, writeIds } from './rows/id-files.ts';
import { type RowFigures, rowPlots } from './rows/row-plots.ts';
import { withParts } from './with-parts.ts';

const STEPS = [0, 0.1, 0.2, 0.5, 1];
const THREADS = 4;

const values = parseOptions({
  most: { type: 'string' },
  load: { type: 'string' },
  rounds: { type: 'string' },
});
const most = positive('most', values.most, 10) * 1e6;
const load = positive('load', values.load, 200) * 1e3;
const rounds = toInteger('--rounds', values.rounds, 1, 1);

const figures = await withParts({ postgres: undefined, threads: THREADS }, async (parts) => {
  const found: RowFigures[] = [];
  const server = await LoaderProcess.start({ databaseUrl: parts.database.url });
  try {
    for (const order of ID_ORDERS) await createTable(parts.database.client, order);
    let next = most;
    // Compiles the loader's code.
    for (const order of ID_ORDERS) next += (await loadOnce(parts, server, order, next, load)).rows;
    let filled = 0;
    for (const step of STEPS) {
      const rows = Math.round(step * most);
      for (const order of ID_ORDERS) await fill(parts.database.client, order, filled, rows);
      filled = rows;
      const runs: (Omit<RowFigures, 'at'> & { rows: number })[] = [];
      for (let round = 0; round < rounds; round++) {
        for (const order of ID_ORDERS) {
          const run = await loadOnce(parts, server, order, next, load);
          next += run.rows;
          runs.push(run);
        }
      }
      for (const order of ID_ORDERS) {
        const of = (figure: (run: (typeof runs)[number]) => number) =>
          median(runs.filter((run) => run.order === order).map(figure));
        found.push({
          order,
          at: rows / 1e6,
          rowsPerSecond: of((run) => run.rowsPerSecond),
          postgresCpuMs: of((run) => run.postgresCpuMs),
          walKb: of((run) => run.walKb),
          pagesRead: of((run) => run.pagesRead),
        });
        console.error(JSON.stringify(found.at(-1)));
      }
    }
  } finally {
    await server.stop();
  }
  return found;
});

const folder = resultsFolder();
await mkdir(folder, { recursive: true });
const report = { at: new Date().toISOString(), machine: machine(), load, figures };
await writeFile(join(folder, 'growth-rows.json'), `${JSON.stringify(report, null, 2)}\n`);
for (const [name, svg] of Object.entries(await rowPlots(figures))) await writeFile(join(folder, name), `${svg}\n`);
console.log(
  textTable(
    ['rows, M', 'ids', 'rows/s', 'Postgres CPU ms / 1,000', 'WAL kB / 1,000', 'index pages read / 1,000'],
    figures.map(({ at, order, rowsPerSecond, postgresCpuMs, walKb, pagesRead }) => [
      String(at),
      order,
      rowsPerSecond.toFixed(0),
      postgresCpuMs.toFixed(1),
      walKb.toFixed(0),
      pagesRead.toFixed(0),
    ]),
  ),
);

function tableOf(order: IdOrder): string {
  return TYPE_OF[order].toLowerCase();
}

async function createTable(client: pg.Client, order: IdOrder): Promise<void> {
  await client.query('begin');
  await createResourceTable(client, TYPE_OF[order], { distribute: false });
  await client.query('commit');
}

/** Adds rows by number; the key is made anew, as after years of loads and a REINDEX. */
async function fill(client: pg.Client, order: IdOrder, from: number, to: number): Promise<void> {
  if (from === to) return;
  const table = tableOf(order);
  await client.query(`alter table ${table} drop constraint ${table}_pkey`);
  await client.query(
    `insert into ${table} (id, txid, resource_type, status, resource)
     select ${idInSql(order)}, 1, '${TYPE_OF[order]}', 'created', '{}' from generate_series($1::bigint, $2::bigint - 1) n`,
    [from, to],
  );
  await client.query(`alter table ${table} add primary key (id)`);
}

async function loadOnce(
  { database, s3 }: BenchDeps,
  server: LoaderProcess,
  order: IdOrder,
  from: number,
  rows: number,
) {
  const { client, pid = Number.NaN } = database;
  const bucket = await writeIds(order, from, rows);
  await client.query('checkpoint');
  const reads = async () => {
    const { rows: found } = await client.query<{ pages: number; wal: number }>(
      `select sum(idx_blks_read)::float8 as pages, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal
         from pg_statio_user_indexes where relname = $1`,
      [tableOf(order)],
    );
    return { pages: found[0]?.pages ?? 0, wal: found[0]?.wal ?? 0, cpu: familyCpuSeconds(pid) };
  };
  await client.query('select pg_stat_force_next_flush()');
  const before = await reads();
  const { wallS } = await server.load(bucket.name, s3, { 'thread-num': THREADS });
  await client.query('select pg_stat_force_next_flush()');
  const after = await reads();
  await rm(join(cacheFolder(), bucket.name), { recursive: true, force: true });
  const per = 1000 / bucket.rows;
  return {
    order,
    rows: bucket.rows,
    rowsPerSecond: bucket.rows / wallS,
    postgresCpuMs: (after.cpu - before.cpu) * 1000 * per,
    walKb: ((after.wal - before.wal) / 1000) * per,
    pagesRead: (after.pages - before.pages) * per,
  };
}
