/**
 * `npm run bench:network`: whether a load from a store that is far away keeps Postgres as busy as one from a store
 * on the same machine: the same data with and without latency and a limit for each connection. `--only small-files-near,small-files-far
 * --files N` loads files of 1 to 50 rows. Options as of `npm run bench`; with
 * `--compare path/of/another/tree` both trees load in turn.
 */
import { basename, resolve } from 'node:path';
import { readBenchOptions } from './bench-options.ts';
import { compareLoads } from './compare-loads.ts';
import type { Contender } from './contenders/contender.ts';
import { loader } from './contenders/loader.ts';
import type { BenchData } from './dataset/bench-data.ts';
import { prepareData } from './dataset/prepare-data.ts';
import { watchPostgres } from './network/postgres-watch.ts';
import { describeMachine } from './report/machine.ts';
import { median } from './report/median.ts';
import { textTable } from './report/text-table.ts';
import { type NetworkShape, startShapingProxy } from './s3/start-shaping-proxy.ts';

/**
 * `far` is a store in the same region, `thin` one across an ocean or behind a narrow line; of `narrow` the connection is far
 * slower than Postgres, whatever the machine.
 */
const NETWORKS: Readonly<Record<string, NetworkShape | undefined>> = {
  near: undefined,
  far: { latencyMs: 30, megabytesPerS: 50 },
  thin: { latencyMs: 30, megabytesPerS: 5 },
  narrow: { latencyMs: 30, megabytesPerS: 1 },
};
const SHAPES = ['mixed', 'mid-files', 'one-file', 'skewed', 'small-files'] as const;

const options = readBenchOptions({ megabytes: 400 }, []);
const { megabytes, files, seed, compare } = options;
const contenders: Contender[] = [];
// Of a size of their own (`--files`), and long: only where asked for.
const isWanted = (shape: string) =>
  (options.only.length === 0 && shape !== 'small-files') || options.only.some((name) => name.startsWith(shape));
for (const shape of SHAPES.filter(isWanted)) {
  const size = shape === 'small-files' ? { bytes: 0, files } : { bytes: megabytes * 1e6 };
  const data = await prepareData({ shape, ...size, seed });
  for (const network of Object.keys(NETWORKS)) {
    for (const tree of [undefined, ...compare]) contenders.push(contender(shape, data, network, tree));
  }
}
const report = await compareLoads(contenders, options);

if (options.json) console.log(JSON.stringify(report, null, 2));
else {
  console.log(`${report.at}: ${describeMachine(report.machine)}, ${report.postgres}`);
  console.log(`about ${megabytes} MB of ndjson, ${report.threads} files at a time, medians of ${report.rounds}\n`);
  const head = ['', 'wall s', '× near', 'Postgres idle', 'first row s', 'first file s', 'CPU s', 'RSS MB', 'requests'];
  const rows = report.results.map(({ name, wallS, ratioToFloor, cpuS, peakRssMb, runs }) => {
    const figure = (of: string) => median(runs.map(({ more }) => more?.[of] ?? Number.NaN));
    return [
      name,
      wallS.toFixed(2),
      ratioToFloor?.toFixed(2) ?? '–',
      `${(100 * figure('idle')).toFixed(0)} %`,
      figure('firstRowS').toFixed(2),
      figure('firstFileS').toFixed(2),
      cpuS?.toFixed(2) ?? '–',
      peakRssMb?.toFixed(0) ?? '–',
      figure('requests').toFixed(0),
    ];
  });
  console.log(textTable(head, rows));
}

function contender(shape: string, data: BenchData, network: string, tree: string | undefined): Contender {
  const of = tree === undefined ? '' : `:${basename(resolve(tree))}`;
  const form = NETWORKS[network];
  return loader({
    name: `${shape}-${network}${of}`,
    what: `${shape} from a store that is ${network}`,
    data,
    floor: `${shape}-near${of}`,
    process: { tree },
    async during({ database, s3 }, load) {
      const store = form === undefined ? s3 : await startShapingProxy(s3, form);
      try {
        const before = await s3.requests();
        const { result, use } = await watchPostgres(database, () => load(store));
        return { ...result, more: { ...use, requests: (await s3.requests()) - before } };
      } finally {
        if (form !== undefined) store.close();
      }
    },
  });
}
