import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storedOptionsSchema } from '../../src/store/bucket-load/write-options.ts';

test('options that an earlier version has noted, which stored every line as it stood, mean that', () => {
  const { format, keepLastUpdated, history } = storedOptionsSchema.parse({
    'upsert?': true,
    'disable-idx?': false,
    'drop-primary-key?': false,
  });
  assert.deepEqual([format, keepLastUpdated, history], ['as-is', false, false]);
});
