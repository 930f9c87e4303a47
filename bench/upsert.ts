/**
 * `npm run bench:upsert`: what `upsert?` costs, by how many of the resources exist already. A plain load into empty
 * tables is what the others are compared with. Options as of `npm run bench`.
 */
import { readBenchOptions } from './bench-options.ts';
import { compareLoads, printReport } from './compare-loads.ts';
import { fillTables } from './contenders/fill-tables.ts';
import { loader } from './contenders/loader.ts';
import { prepareCopyFiles, prepareData } from './dataset/prepare-data.ts';

const PERCENTAGES = [0, 50, 100];

const options = readBenchOptions({ megabytes: 200 });
const data = await prepareData({ shape: 'mixed', bytes: options.megabytes * 1e6, seed: options.seed });
await prepareCopyFiles(data);
const plain = loader({ name: 'insert', what: 'a plain load', data, floor: 'insert' });
const upserts = PERCENTAGES.map((percent) => ({
  ...loader({
    name: `upsert-${percent}`,
    what: `upsert? where ${percent} % exist`,
    data,
    floor: 'insert',
    params: { 'upsert?': true },
  }),
  prepare: ({ database }: { database: Parameters<typeof fillTables>[0] }) => fillTables(database, data, percent),
}));
printReport(await compareLoads([plain, ...upserts], options), options);
