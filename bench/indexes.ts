/**
 * `npm run bench:index`: when dropping indexes for a load pays. Loads into tables with secondary indexes, empty ones
 * and ones that hold several times as many rows already; restoring is part of the time. Options as of `npm run bench`.
 */
import { quotedTable } from '../src/db/resource-tables.ts';
import { readBenchOptions } from './bench-options.ts';
import { compareLoads, printReport } from './compare-loads.ts';
import type { BenchParts, Contender } from './contenders/contender.ts';
import { fillTables } from './contenders/fill-tables.ts';
import { loader } from './contenders/loader.ts';
import { typesOf } from './dataset/bench-data.ts';
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
// Making these rows takes the longest, and not every run needs them.
const needsExisting = options.only.length === 0 || options.only.some((name) => name.startsWith('large'));
const existing = await prepareData({
  shape: 'mixed',
  bytes: needsExisting ? bytes * LARGE : bytes,
  seed: options.seed + 1,
});
if (needsExisting) await prepareCopyFiles(existing);
printReport(await compareLoads([...contenders('empty'), ...contenders('large')], options), options);

function contenders(tables: 'empty' | 'large'): Contender[] {
  return Object.entries(WAYS).map(([way, params]) => ({
    ...loader({
      name: `${tables}-${way}`,
      what: `${tables === 'empty' ? 'empty tables' : `tables with ${LARGE} times as many rows`}, ${way}`,
      data,
      floor: `${tables}-kept`,
      params,
    }),
    ...(tables === 'large' ? { existing } : {}),
    async prepare({ database }: BenchParts) {
      if (tables === 'large') await fillTables(database, existing);
      await createIndexes(database.client);
    },
  }));
}

/** Indexes as searches by reference, by date and by any element need them. */
async function createIndexes(client: BenchParts['database']['client']): Promise<void> {
  for (const type of typesOf(data)) {
    const table = quotedTable(type);
    await client.query(`create index on ${table} ((resource #>> '{subject,reference}'))`);
    await client.query(`create index on ${table} (ts)`);
    await client.query(`create index on ${table} using gin (resource jsonb_path_ops)`);
  }
}
