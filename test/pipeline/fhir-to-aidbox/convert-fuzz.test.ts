import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzConvert } from '../../fuzz/convert-fuzz.ts';

const SEED = 20261126;

test('5,000 random and mutated resources become what the oracle says, or are refused', () => {
  assert.deepEqual(fuzzConvert(5_000, SEED).findings, []);
});
