import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paceOf, waitAfterFailure, waitOnTakeover } from '../../../src/load/watch/pace.ts';

test('a pace is a whole number with a unit, from a second to a week', () => {
  assert.deepEqual(['1s', '90s', '15m', '2h', '7d'].map(paceOf), [1_000, 90_000, 900_000, 7_200_000, 604_800_000]);
  for (const wrong of ['', '0s', '15', 'm', '1.5h', '-1m', '8d', '015m', '15 m', '1w', '1000000s'])
    assert.equal(paceOf(wrong), undefined, wrong);
});

test('who takes a watch over waits for what is left, never longer than the pace, and not for what is past', () => {
  assert.deepEqual(
    [waitOnTakeover(400, 1_000), waitOnTakeover(-5_000, 1_000), waitOnTakeover(1e12, 1_000)],
    [400, 0, 1_000],
  );
});

test('after a failure the next listing comes sooner, each time less so, and never later than at the pace', () => {
  const waits = (everyMs: number) => [0, 1, 2, 3, 40, 2_000].map((failures) => waitAfterFailure(failures, everyMs));
  assert.deepEqual(waits(1_000), Array(6).fill(1_000));
  assert.deepEqual(waits(300_000), [60_000, 120_000, 240_000, 300_000, 300_000, 300_000]);
  assert.deepEqual(waits(86_400_000).slice(3), [480_000, 86_400_000, 86_400_000]);
});
