/**
 * `npm run bench:index`: when dropping indexes for a load pays. Loads into tables with secondary indexes, empty ones
 * and ones that hold rows already, from a tenth of those that come to four times as many; restoring is part of the time. Of some tables only the
 * B-trees, or only the GIN index. Options as of `npm run bench`; without --only: empty and large tables with all indexes. With
 * `--compare path/of/another/tree` both trees load in turn.
 */
import { basename, resolve } from 'node:path';
import { quotedTable } from '../src/store/resource-tables.ts';
import { readBenchOptions } from './bench-options.ts';
import { compareLoads, printReport } from './compare-loads.ts';
import type { BenchDeps, Contender } from './contenders/contender.ts';
import { fillTables } from './contenders/fill-tables.ts';
import { loader } from './contenders/loader.ts';
import { type BenchData, typesOf } from './dataset/bench-data.ts';
import { prepareCopyFiles, prepareData } from './dataset/prepare-data.ts';

/** Rows that tables hold before, as a multiple of those loaded. */
const FILLED = { empty: 0, tenth: 0.1, quarter: 0.25, half: 0.5, same: 1, large: 4 };

/** As searches by reference, by date and by any element need them. */
const B_TREES = ["((resource #>> '{subject,reference}'))", '(ts)'];
const GIN = ['using gin (resource jsonb_path_ops)'];
const INDEXES = { all: [...B_TREES, ...GIN], btree: B_TREES, gin: GIN };

const WAYS = {
  kept: {},
  'disable-idx': { 'disable-idx?': true },
  'disable-idx-and-key': { 'disable-idx?': true, 'drop-primary-key?': true },
};

const DEFAULT = ['empty', 'large'].flatMap((tables) => Object.keys(WAYS).map((way) => `${tables}-${way}`));

const given = readBenchOptions({ megabytes: 100 }, ['files']);
const options = { ...given, only: given.only.length === 0 ? DEFAULT : given.only };
const bytes = options.megabytes * 1e6;
const data = await prepareData({ shape: 'mixed', bytes, seed: options.seed });
const all: Contender[] = [];
for (const [tables, share] of Object.entries(FILLED)) {
  // Making these rows takes the longest, and not every run needs them.
  if (!options.only.some((name) => name.startsWith(`${tables}-`))) continue;
  const existing = share === 0 ? undefined : await existingRows(share);
  for (const indexes of Object.keys(INDEXES) as (keyof typeof INDEXES)[]) {
    for (const way of Object.keys(WAYS) as (keyof typeof WAYS)[]) {
      for (const tree of [undefined, ...options.compare])
        all.push(contender({ tables, share, indexes, way, existing, tree }));
    }
  }
}
printReport(await compareLoads(all, options), options);

async function existingRows(share: number): Promise<BenchData> {
  const existing = await prepareData({ shape: 'mixed', bytes: bytes * share, seed: options.seed + 1 });
  await prepareCopyFiles(existing);
  return existing;
}

interface IndexCase {
  tables: string;
  share: number;
  indexes: keyof typeof INDEXES;
  way: keyof typeof WAYS;
  /** The rows that the tables hold before. */
  existing: BenchData | undefined;
  /** Another tree that does the load; this one if undefined. */
  tree: string | undefined;
}

function contender({ tables, share, indexes, way, existing, tree }: IndexCase): Contender {
  const group = indexes === 'all' ? tables : `${tables}-${indexes}`;
  const of = tree === undefined ? '' : `:${basename(resolve(tree))}`;
  const held = existing === undefined ? 'empty tables' : `tables with ${share} times as many rows`;
  return {
    ...loader({
      name: `${group}-${way}${of}`,
      what: `${held}, ${indexes === 'all' ? 'all indexes' : `${indexes} only`}, ${way}`,
      data,
      floor: `${group}-kept${of}`,
      process: { tree },
      params: WAYS[way],
    }),
    ...(existing === undefined ? {} : { existing }),
    async prepare({ database }: BenchDeps) {
      if (existing !== undefined) await fillTables(database, existing);
      await createIndexes(database.client, INDEXES[indexes]);
    },
  };
}

async function createIndexes(client: BenchDeps['database']['client'], definitions: readonly string[]): Promise<void> {
  for (const type of typesOf(data)) {
    for (const definition of definitions) await client.query(`create index on ${quotedTable(type)} ${definition}`);
  }
}
