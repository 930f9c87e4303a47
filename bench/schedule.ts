/**
 * `npm run bench:schedule`: which order of files gives the shortest load. On a skewed set of files, by simulation with
 * rates measured per type, and by real loads: the loader's `by-last-modified` takes files in the order of their times,
 * which are set here. Options as of `npm run bench`.
 */
import { utimes } from 'node:fs/promises';
import { readBenchOptions } from './bench-options.ts';
import { compareLoads } from './compare-loads.ts';
import type { Contender } from './contenders/contender.ts';
import { loader } from './contenders/loader.ts';
import { prepareData } from './dataset/prepare-data.ts';
import { describeMachine } from './report/machine.ts';
import { textTable } from './report/text-table.ts';
import { measureRates } from './schedule/measure-rates.ts';
import { ORDERS, type Order } from './schedule/orders.ts';
import { leastMakespan, makespan } from './schedule/simulate.ts';

const options = readBenchOptions({ megabytes: 400 }, ['files', 'compare']);
const data = await prepareData({ shape: 'skewed', bytes: options.megabytes * 1e6, seed: options.seed });
const rates = await measureRates(data, options);
const seconds = (file: (typeof data.files)[number]) => file.rawBytes / (rates.get(file.type) ?? Number.NaN);
const report = await compareLoads(Object.entries(ORDERS).map(contender), options);

const simulated = (threads: number, order: Order) => makespan(order(data.files).map(seconds), threads).toFixed(2);
const rows = report.results.map(({ name, wallS, ratioToFloor }) => {
  const order = ORDERS[name];
  if (order === undefined) throw new Error(`no order ${name}`);
  return [
    name,
    ...[2, 4, 8].map((threads) => simulated(threads, order)),
    wallS.toFixed(2),
    ratioToFloor?.toFixed(2) ?? '–',
  ];
});
const bounds = [2, 4, 8].map((threads) => leastMakespan(data.files.map(seconds), threads).toFixed(2));
if (options.json) console.log(JSON.stringify({ ...report, rates: Object.fromEntries(rates) }, null, 2));
else {
  console.log(`${report.at}: ${describeMachine(report.machine)}, ${report.postgres}`);
  console.log(`${data.files.length} files, about ${options.megabytes} MB; medians of ${options.rounds}\n`);
  const head = ['', 'simulated, 2 threads', '4', '8', `real, ${options.threads} threads`, '× listing'];
  console.log(textTable(head, [...rows, ['least possible', ...bounds, '–', '–']]));
  console.log('\nSimulated seconds take each thread to be as fast as one alone; on few cores it is not.');
}

function contender([name, order]: [string, Order]): Contender {
  return {
    ...loader({
      name,
      what: `files begun ${name}`,
      data,
      floor: 'listing',
      params: { scheduler: 'by-last-modified' },
    }),
    async prepare() {
      const first = Date.UTC(2026, 0, 1) / 1000;
      for (const [place, { gzipPath }] of order(data.files).entries()) {
        await utimes(gzipPath, first + place, first + place);
      }
    },
  };
}
