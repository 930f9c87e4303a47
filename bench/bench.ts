/**
 * `npm run bench`: how close the loader comes to what Postgres needs by itself, in one interleaved run. See README.md.
 *
 *   npm run bench -- [--size MB] [--rounds N] [--threads N] [--seed N] [--only a,b] [--json]
 *                    [--postgres folder/of/bin] [--compare path/of/another/tree,…]
 */
import { type BenchOptions, readBenchOptions } from './bench-options.ts';
import { allContenders } from './contenders/all-contenders.ts';
import type { Contender } from './contenders/contender.ts';
import { whyNoJqPsql } from './contenders/jq-psql.ts';
import { prepareCopyFiles, prepareData } from './dataset/prepare-data.ts';
import { type BenchReport, reportTable, summarize } from './report/bench-report.ts';
import { describeMachine, machine } from './report/machine.ts';
import { runRounds } from './run-rounds.ts';
import { withParts } from './with-parts.ts';

const options = readBenchOptions({ megabytes: 400 });
const report = await bench(options);
if (options.json) console.log(JSON.stringify(report, null, 2));
else printForPeople(report);

async function bench({
  megabytes,
  seed,
  rounds,
  threads,
  only,
  compare,
  postgres,
}: BenchOptions): Promise<BenchReport> {
  const bytes = megabytes * 1e6;
  const mixed = await prepareData({ shape: 'mixed', bytes, seed });
  const manyFiles = await prepareData({ shape: 'many-files', bytes, seed });
  const oneFile = await prepareData({ shape: 'one-file', bytes, seed });
  for (const data of [mixed, manyFiles]) await prepareCopyFiles(data);
  const all = allContenders({ mixed, manyFiles, oneFile }, compare);
  const unknown = only.filter((name) => !all.some((contender) => contender.name === name));
  if (unknown.length > 0) throw new Error(`no contender ${unknown}; there are ${all.map(({ name }) => name)}`);
  const wanted = only.length === 0 ? all : all.filter(({ name }) => only.includes(name));
  return await withParts({ postgres, threads }, async (parts) => {
    const skipped = Object.fromEntries(
      wanted.flatMap((contender) => {
        const reason = whyNot(contender, parts.database.hasLz4);
        return reason === undefined ? [] : [[contender.name, reason]];
      }),
    );
    const contenders = wanted.filter(({ name }) => !(name in skipped));
    const runs = await runRounds(contenders, parts, rounds);
    return {
      at: new Date().toISOString(),
      machine: machine(),
      postgres: parts.database.label,
      megabytes,
      seed,
      threads,
      rounds,
      skipped,
      results: contenders.map((contender) =>
        summarize(contender, runs.get(contender.name) ?? [], runs.get(contender.floor) ?? []),
      ),
    };
  });
}

function whyNot({ name, compression }: Contender, hasLz4: boolean): string | undefined {
  if (compression === 'lz4' && !hasLz4) return 'this Postgres has no lz4';
  return name === 'jq-psql' ? whyNoJqPsql() : undefined;
}

function printForPeople({ results, skipped, ...rest }: BenchReport): void {
  console.log(`${rest.at}: ${describeMachine(rest.machine)}, ${rest.postgres}`);
  console.log(`about ${rest.megabytes} MB of ndjson, ${rest.threads} files at a time, medians of ${rest.rounds}\n`);
  console.log(`${reportTable(results)}\n`);
  for (const { name, what, rows, rawBytes } of results) {
    console.log(`${name}: ${what} (${rows.toLocaleString('en')} rows, ${(rawBytes / 1e6).toFixed(0)} MB)`);
  }
  for (const [name, reason] of Object.entries(skipped)) console.log(`${name} did not run: ${reason}`);
}
