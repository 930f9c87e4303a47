import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzEncoder } from '../fuzz/encoder-fuzz.ts';

const SEED = 20261125;

test('20,000 random and mutated lines are judged as JSON.parse judges them', () => {
  assert.deepEqual(fuzzEncoder(20_000, SEED).findings, []);
});
