import { parseOptions } from '../../demo/parse-options.ts';
import { isGood, runMatrix } from './run-matrix.ts';

// npm run crash-matrix -- --steps partitioned --faults 'killed|cut'
// TEST_CITUS_URL=… TEST_CITUS_RESTART=… npm run crash-matrix -- --citus
const values = parseOptions({ steps: { type: 'string' }, faults: { type: 'string' }, citus: { type: 'boolean' } });
const only = (pattern: string | undefined) => new RegExp(pattern ?? '.');
const interrupt = new AbortController();
// Postgres and the replicas must not outlive the run.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort());
const cells = await runMatrix({
  steps: only(values.steps),
  faults: only(values.faults),
  citus: values.citus ?? false,
  signal: interrupt.signal,
  print: (line) => console.log(line),
});
const bad = cells.filter((cell) => !isGood(cell));
const longest = Math.max(0, ...cells.map(({ seconds }) => seconds));
console.log(`${cells.length} cells, ${bad.length} broken, longest recovery ${longest.toFixed(1)} s`);
// Everything is closed; what a killed replica's connections have left must not keep it.
process.exit(bad.length === 0 && cells.length > 0 ? 0 : 1);
