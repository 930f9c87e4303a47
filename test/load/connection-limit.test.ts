import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterCount, afterRefusal, NO_LIMIT } from '../../src/load/connection-limit.ts';

test('what the server has left, but for two, is a load’s; one at least', () => {
  assert.equal(afterCount(NO_LIMIT, 50, 0).most, 48);
  assert.equal(afterCount(NO_LIMIT, 3, 10).most, 11);
  assert.equal(afterCount(NO_LIMIT, 0, 0).most, 1);
});

test('a refusal leaves what is in use; one more for each count without a refusal', () => {
  let limit = afterRefusal(afterCount(NO_LIMIT, 50, 0), 4);
  assert.equal(limit.most, 4);
  limit = afterRefusal(limit, 0);
  assert.equal(limit.most, 1);
  const seen = [1, 2, 3].map((used) => {
    limit = afterCount(limit, 50, used);
    return limit.most;
  });
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(afterCount(limit, 1, 1).most, 1);
});
