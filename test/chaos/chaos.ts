/**
 * Loads buckets while replicas, Postgres and S3 fail, and counts what is lost or doubled.
 *
 *   npm run chaos -- [--rounds 60] [--seed 1] [--seconds 3600] [--watched 0.2] [--only cut] [--lasting 60]
 */
import { parseOptions, toInteger, UsageError } from '../../demo/parse-options.ts';
import { FAULTS } from './faults.ts';
import { runChaos } from './run-chaos.ts';

const values = parseOptions({
  rounds: { type: 'string' },
  seed: { type: 'string' },
  seconds: { type: 'string' },
  watched: { type: 'string' },
  only: { type: 'string' },
  lasting: { type: 'string' },
});
const seed = toInteger('--seed', values.seed, Date.now() % 100_000, 0);
const watched = values.watched === undefined ? undefined : Number(values.watched);
if (watched !== undefined && !(watched >= 0 && watched <= 1)) throw new UsageError('--watched must be from 0 to 1');
const only = values.only === undefined ? undefined : new RegExp(values.only);
if (only !== undefined && !FAULTS.some(({ name }) => only.test(name)))
  throw new UsageError(`--only ${values.only} names none of the faults ${FAULTS.map(({ name }) => name).join(', ')}`);
const interrupt = new AbortController();
// Postgres and the replicas must not outlive the run.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort());
const started = performance.now();
console.log(`seed ${seed}`);
const report = await runChaos({
  seed,
  rounds: toInteger('--rounds', values.rounds, 60, 1),
  seconds: toInteger('--seconds', values.seconds, 3_600, 1),
  ...(watched === undefined ? {} : { watched }),
  ...(only === undefined ? {} : { only }),
  ...(values.lasting === undefined ? {} : { lasting: toInteger('--lasting', values.lasting, 0, 1) }),
  signal: interrupt.signal,
  print: (line) => console.log(line),
});
const { violations, faults, s3Faults, ...figures } = report;
console.log('faults made, by rounds:', faults);
console.log('S3 answers broken:', s3Faults);
console.log({ ...figures, minutes: ((performance.now() - started) / 60_000).toFixed(1) });
console.log(violations.length === 0 ? 'Nothing lost, doubled or left behind.' : `${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
