import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MissingObjects } from '../../../src/load/watch/missing-objects.ts';

const MINUTE = 60_000;

test('what a store lists and does not have is asked for by the next listing, then less and less often, down to once an hour', () => {
  const missing = new MissingObjects();
  const asked: number[] = [];
  // A listing each minute.
  for (let minute = 0; minute <= 300; minute++) if (missing.areDue(2, minute * MINUTE)) asked.push(minute);
  assert.deepEqual(asked, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
});

test('once there are more of them, fewer, or none, the next listing asks at once', () => {
  const missing = new MissingObjects();
  assert.equal(missing.areDue(0, 0), false);
  assert.equal(missing.areDue(1, 1), true);
  assert.equal(missing.areDue(1, 2), false);
  assert.equal(missing.areDue(2, 3), true);
  assert.equal(missing.areDue(1, 4), true);
  assert.equal(missing.areDue(0, 5), false);
  assert.equal(missing.areDue(1, 6), true);
  assert.equal(missing.areDue(1, 6 + MINUTE), true);
});
