/**
 * `npm run bench:index`: when dropping indexes for a load pays. Loads into tables with secondary indexes, empty ones
 * and ones that hold several times as many rows already; restoring is part of the time. Options as of `npm run bench`.
 */
import { quotedTable } from '../src/store/resource-tables.ts';
import { readBenchOptions } from './bench-options.ts';
import { compareLoads, printReport } from './compare-loads.ts';
import type { BenchDeps, Contender } from './contenders/contender.ts';
import { fillTables } from './contenders/fill-tables.ts';
import { loader } from './contenders/loader.ts';
import { type BenchData, typesOf } from './dataset/bench-data.ts';
import { prepareCopyFiles, prepareData } from './dataset/prepare-data.ts';

/** Rows that large tables hold before, as a multiple of those loaded. */
const LARGE = 4;

const WAYS = {
  kept: {},
  'disable-idx': { 'disable-idx?': true },
  'disable-idx-and-key': { 'disable-idx?': true, 'drop-primary-key?': true },
};

const options = readBenchOptions({ megabytes: 100 });
const bytes = options.megabytes * 1e6;
const data = await prepareData({ shape: 'mixed', bytes, seed: options.seed });
const all = contenders();
// Making these rows takes the longest, and not every run needs them.
if (options.only.length === 0 || options.only.some((name) => name.startsWith('large'))) {
  const existing = await prepareData({ shape: 'mixed', bytes: bytes * LARGE, seed: options.seed + 1 });
  await prepareCopyFiles(existing);
  all.push(...contenders(existing));
}
printReport(await compareLoads(all, options), options);

/** @param existing the rows that the tables hold before; without them they are empty */
function contenders(existing?: BenchData): Contender[] {
  const tables = existing === undefined ? 'empty' : 'large';
  return Object.entries(WAYS).map(([way, params]) => ({
    ...loader({
      name: `${tables}-${way}`,
      what: `${existing === undefined ? 'empty tables' : `tables with ${LARGE} times as many rows`}, ${way}`,
      data,
      floor: `${tables}-kept`,
      params,
    }),
    ...(existing === undefined ? {} : { existing }),
    async prepare({ database }: BenchDeps) {
      if (existing !== undefined) await fillTables(database, existing);
      await createIndexes(database.client);
    },
  }));
}

/** Indexes as searches by reference, by date and by any element need them. */
async function createIndexes(client: BenchDeps['database']['client']): Promise<void> {
  for (const type of typesOf(data)) {
    const table = quotedTable(type);
    await client.query(`create index on ${table} ((resource #>> '{subject,reference}'))`);
    await client.query(`create index on ${table} (ts)`);
    await client.query(`create index on ${table} using gin (resource jsonb_path_ops)`);
  }
}
