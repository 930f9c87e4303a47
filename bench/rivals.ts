/**
 * `npm run bench:rivals`: the loader against other tools that bring the same files into Postgres, in one interleaved run.
 * Those that are not on this machine are named and left out. See README.md.
 *
 *   npm run bench:rivals -- [--size MB] [--rounds N] [--threads N] [--only a,b] [--json]
 *
 * BENCH_PYTHON: a Python with the packages duckdb, duckdb-ext-postgres and dlt[postgres]. SLING_BINARY: sling's program.
 */
import { readBenchOptions } from './bench-options.ts';
import { compareLoads, printReport } from './compare-loads.ts';
import { loader } from './contenders/loader.ts';
import { allRivals } from './contenders/rivals/all-rivals.ts';
import { rivalContender } from './contenders/rivals/rival.ts';
import { serverCopy } from './contenders/server-copy.ts';
import { prepareCopyFiles, prepareData } from './dataset/prepare-data.ts';

const options = readBenchOptions({ megabytes: 400 }, ['files', 'compare']);
const floor = 'floor';
const data = await prepareData({ shape: 'mixed', bytes: options.megabytes * 1e6, seed: options.seed });
await prepareCopyFiles(data);
const rivals = allRivals({
  python: process.env['BENCH_PYTHON'] ?? 'python3',
  slingProgram: process.env['SLING_BINARY'] ?? 'sling',
});
const contenders = [
  serverCopy(floor, data),
  loader({ name: 'ours', what: 'load-from-bucket, format: as-is, from S3', data, floor }),
  loader({
    name: 'ours-converted',
    what: 'load-from-bucket, format: fhir, from S3',
    data,
    floor,
    params: { format: 'fhir' },
    rowForm: 'converted',
  }),
  ...rivals.map((rival) => rivalContender(rival, data, floor)),
];
const report = await compareLoads(contenders, options, ({ name }) =>
  rivals.find((rival) => rival.name === name)?.whyNot(),
);
printReport(report, options);
