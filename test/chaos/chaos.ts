/**
 * Loads buckets while replicas, Postgres and S3 fail, and counts what is lost or doubled.
 *
 *   npm run chaos -- [--rounds 60] [--seed 1] [--seconds 3600] [--watched 0.2] [--only cut]
 */
import { parseArgs } from 'node:util';
import { runChaos } from './run-chaos.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seed: { type: 'string' },
    seconds: { type: 'string' },
    watched: { type: 'string' },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 100_000);
const interrupt = new AbortController();
// Postgres and the replicas must not outlive the run.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort());
const started = performance.now();
console.log(`seed ${seed}`);
const report = await runChaos({
  seed,
  rounds: Number(values.rounds ?? 60),
  seconds: Number(values.seconds ?? 3_600),
  ...(values.watched === undefined ? {} : { watched: Number(values.watched) }),
  ...(values.only === undefined ? {} : { only: new RegExp(values.only) }),
  signal: interrupt.signal,
  print: (line) => console.log(line),
});
const { violations, faults, s3Faults, ...figures } = report;
console.log('faults made, by rounds:', faults);
console.log('S3 answers broken:', s3Faults);
console.log({ ...figures, minutes: ((performance.now() - started) / 60_000).toFixed(1) });
console.log(violations.length === 0 ? 'Nothing lost, doubled or left behind.' : `${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
