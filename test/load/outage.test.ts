import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OUTAGE_LIMIT_MS, outageText, pauseAfter, prolonged } from '../../src/load/outage.ts';
import { failureOf } from './outcomes.ts';

test('an outage is limited by time; pauses grow up to 15 s', () => {
  let outage = prolonged(undefined, failureOf('57P01'), 1_000);
  const pauses = [];
  for (let n = 0; n < 9 && outage !== undefined; n++) {
    pauses.push(pauseAfter(outage));
    outage = prolonged(outage, failureOf('53100'), 1_000 + OUTAGE_LIMIT_MS);
  }
  assert.deepEqual(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  assert.ok(outage !== undefined);
  assert.match(outageText(outage), /10 minutes: 53100$/);
  assert.equal(prolonged(outage, failureOf('57P01'), 1_001 + OUTAGE_LIMIT_MS), undefined);
});

test('what does not pass is no outage', () => {
  assert.equal(prolonged(undefined, failureOf('42P01', false), 0), undefined);
});
