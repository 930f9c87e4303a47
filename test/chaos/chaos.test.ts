import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChaos } from './run-chaos.ts';

const SEED = 20261125;

for (const { name, rounds, watched } of [
  { name: 'a few rounds of chaos', rounds: 6, watched: 0 },
  { name: 'a bucket that is watched in chaos', rounds: 2, watched: 1 },
]) {
  test(`${name}: nothing lost, nothing doubled, nothing left behind`, async (t) => {
    const report = await runChaos({ seed: SEED, rounds, watched, seconds: 30, print: (line) => t.diagnostic(line) });
    assert.deepEqual(report.violations, []);
    assert.equal(report.losses + report.doubles, 0);
    assert.ok(report.rounds > 0 && report.rows > 0 && report.snapshots > 0);
  });
}
