import assert from 'node:assert/strict';
import { test } from 'node:test';
import { similarName } from '../../src/text/similar-name.ts';

const KNOWN = ['bucket', 'thread-num', 'prefixes', 'upsert?', 'disable-idx?', 'read-timeout', 'connect-timeout'];

test('the name that is probably meant by a mistyped one; none where nothing is near', () => {
  const meant = {
    thread_num: 'thread-num',
    upsert: 'upsert?',
    prefix: 'prefixes',
    'thread-nmu': 'thread-num',
    threads: 'thread-num',
    'dissable-idx?': 'disable-idx?',
    'reed-timeout': 'read-timeout',
    credentials: undefined,
    x: undefined,
    '': undefined,
    // Only as long as the known names are.
    [`prefixes${'!'.repeat(100)}`]: undefined,
  };
  const found = Object.fromEntries(Object.keys(meant).map((name) => [name, similarName(name, KNOWN)]));
  assert.deepEqual(found, meant);
});
