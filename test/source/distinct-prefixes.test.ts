import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
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

  test('any prefixes: what is left covers all of them, and nothing twice', () => {
    const some = fc.array(
      fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '\u{1f600}', '\uffff'), maxLength: 4 }),
    );
    fc.assert(
      fc.property(some, (prefixes) => {
        const distinct = distinctPrefixes(prefixes);
        for (const prefix of prefixes) {
          assert.equal(distinct.filter((each) => prefix.startsWith(each)).length, 1);
        }
        if (prefixes.length > 0) assert.ok(distinct.every((each) => prefixes.includes(each)));
      }),
    );
  });

  // Compared each with each, these took nine minutes.
  test('as many as a body may have take the time of a sort', () => {
    const prefixes = Array.from({ length: 145_000 }, (_, n) => String(n).padStart(6, '0'));
    assert.equal(distinctPrefixes(prefixes.toReversed()).length, prefixes.length);
  });
});
