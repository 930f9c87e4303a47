/**
 * `npm run bench`: how close the loader comes to what Postgres needs by itself, in one interleaved run. See README.md.
 *
 *   npm run bench -- [--size MB] [--rounds N] [--threads N] [--seed N] [--only a,b] [--json]
 *                    [--postgres folder/of/bin] [--compare path/of/another/tree,…]
 */
import { readBenchOptions } from './bench-options.ts';
import { compareLoads, printReport } from './compare-loads.ts';
import { allContenders } from './contenders/all-contenders.ts';
import type { Contender } from './contenders/contender.ts';
import { jqPsql } from './contenders/rivals/jq-psql.ts';
import { prepareCopyFiles, prepareData } from './dataset/prepare-data.ts';
import { whyNoAffinity } from './process/cpu-affinity.ts';
import { machine } from './report/machine.ts';

const options = readBenchOptions({ megabytes: 400 }, ['files']);
const { megabytes, seed, compare } = options;
const bytes = megabytes * 1e6;
const mixed = await prepareData({ shape: 'mixed', bytes, seed });
const manyFiles = await prepareData({ shape: 'many-files', bytes, seed });
const oneFile = await prepareData({ shape: 'one-file', bytes, seed });
for (const data of [mixed, manyFiles]) await prepareCopyFiles(data);
printReport(await compareLoads(allContenders({ mixed, manyFiles, oneFile }, compare), options, whyNot), options);

function whyNot({ name, compression }: Contender, hasLz4: boolean): string | undefined {
  if (compression === 'lz4' && !hasLz4) return 'this Postgres has no lz4';
  if (name.endsWith('-own-core')) return whyNoAffinity(machine().cores);
  return name === jqPsql.name ? jqPsql.whyNot() : undefined;
}
