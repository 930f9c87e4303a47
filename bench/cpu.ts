/**
 * `npm run bench:cpu`: where the loader's CPU time goes in a load, by thread, user and system apart, on a server process that was
 * started for this load. Options as of `npm run bench`; `--compare` takes other source trees, each with options of `node` behind it
 * if need be: `--compare "../before,. --max-lazy"`. All are run in turn, once a round.
 */
import { basename, resolve } from 'node:path';
import { readBenchOptions } from './bench-options.ts';
import type { BenchDeps } from './contenders/contender.ts';
import { prepareData } from './dataset/prepare-data.ts';
import { resetTables } from './postgres/resource-rows.ts';
import { LoaderProcess } from './process/loader-process.ts';
import { cpuSeconds, familyCpuSeconds } from './process/proc-stat.ts';
import { type ThreadTimes, threadTimes } from './process/thread-times.ts';
import { describeMachine, machine } from './report/machine.ts';
import { median } from './report/median.ts';
import { textTable } from './report/text-table.ts';
import { withParts } from './with-parts.ts';

/** A source tree, and the options that node runs it with. */
interface Candidate {
  name: string;
  tree: string;
  nodeArguments: string[];
}

interface Run {
  startS: number;
  wallS: number;
  postgresS: number;
  threads: ReadonlyMap<string, ThreadTimes>;
}

const THREADS: readonly (readonly [title: string, kind: string])[] = [
  ['main', 'main thread'],
  ['worker', 'worker threads'],
  ['pool', 'thread pool'],
  ['v8', "V8's own"],
  ['other', 'others'],
];

const options = readBenchOptions({ megabytes: 400, rounds: 5 }, ['files', 'only']);
const data = await prepareData({ shape: 'mixed', bytes: options.megabytes * 1e6, seed: options.seed });
const candidates = ['.', ...options.compare].map(toCandidate);
const runs = new Map<Candidate, Run[]>(candidates.map((candidate) => [candidate, []]));
await withParts(options, async (parts) => {
  for (let round = 1; round <= options.rounds; round++) {
    for (const candidate of candidates) {
      const run = await loadOnce(candidate, parts);
      runs.get(candidate)?.push(run);
      process.stderr.write(`round ${round}: ${candidate.name} ${total(run).toFixed(2)} CPU s\n`);
    }
  }
});
if (options.json) console.log(JSON.stringify(Object.fromEntries([...runs].map(([{ name }, all]) => [name, all]))));
else print();

function toCandidate(text: string): Candidate {
  const [tree = '.', ...nodeArguments] = text.split(' ');
  return { name: [basename(resolve(tree)), ...nodeArguments].join(' '), tree: resolve(tree), nodeArguments };
}

async function loadOnce({ tree, nodeArguments }: Candidate, { database, s3, threads }: BenchDeps): Promise<Run> {
  await resetTables(database.client, data, 'pglz');
  const server = await LoaderProcess.start({ databaseUrl: database.url, tree, nodeArguments });
  try {
    const startS = cpuSeconds(server.pid);
    const postgresBefore = familyCpuSeconds(database.pid ?? Number.NaN);
    const before = threadTimes(server.pid);
    const { wallS } = await server.load(data.name, s3, { 'thread-num': threads });
    const after = threadTimes(server.pid);
    const spent = [...after].map(([kind, times]): [string, ThreadTimes] => {
      const { userS, systemS } = before.get(kind) ?? { userS: 0, systemS: 0 };
      return [kind, { userS: times.userS - userS, systemS: times.systemS - systemS }];
    });
    const postgresS = familyCpuSeconds(database.pid ?? Number.NaN) - postgresBefore;
    return { startS, wallS, postgresS, threads: new Map(spent) };
  } finally {
    await server.stop();
  }
}

function total({ threads }: Run): number {
  return [...threads.values()].reduce((sum, { userS, systemS }) => sum + userS + systemS, 0);
}

function print(): void {
  console.log(`${describeMachine(machine())}, about ${options.megabytes} MB, medians of ${options.rounds}\n`);
  const heads = THREADS.flatMap(([title]) => [`${title} user`, 'system']);
  const first = runs.get(candidates[0] ?? toCandidate('.')) ?? [];
  const rows = [...runs].map(([{ name }, all]) => {
    const of = (figure: (run: Run) => number) => median(all.map(figure));
    return [
      name,
      of(total).toFixed(2),
      median(all.map((run, round) => total(run) / total(first[round] ?? run))).toFixed(2),
      ...THREADS.flatMap(([, kind]) => [
        of(({ threads }) => threads.get(kind)?.userS ?? 0).toFixed(2),
        of(({ threads }) => threads.get(kind)?.systemS ?? 0).toFixed(2),
      ]),
      of(({ postgresS }) => postgresS).toFixed(2),
      of(({ wallS }) => wallS).toFixed(2),
      of(({ startS }) => startS).toFixed(2),
    ];
  });
  console.log(textTable(['CPU s', 'load', '×', ...heads, 'Postgres', 'wall s', 'start'], rows));
}
