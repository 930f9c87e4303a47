import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { distinctPrefixes } from '../../src/source/distinct-prefixes.ts';

describe('distinctPrefixes', () => {
  for (const [prefixes, distinct] of [
    [[], ['']],
    [['a'], ['a']],
    [['a', 'a'], ['a']],
    [['a/b', 'a/', 'a/b/c'], ['a/']],
    [['a', ''], ['']],
    [
      ['a/1', 'a/2', 'b'],
      ['a/1', 'a/2', 'b'],
    ],
    [['ab', 'a b', 'a'], ['a']],
  ] as const)
    test(`${JSON.stringify(prefixes)} lists ${JSON.stringify(distinct)}`, () =>
      assert.deepEqual(distinctPrefixes(prefixes), distinct));
});
