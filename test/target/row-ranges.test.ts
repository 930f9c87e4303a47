import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RowRanges } from '../../src/target/row-ranges.ts';

const some = fc.uniqueArray(fc.nat({ max: 40 }), { maxLength: 30 }).map((numbers) => numbers.toSorted((a, b) => a - b));

const numbersOf = (ranges: RowRanges) =>
  [...ranges].flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));

describe('ranges of rows', () => {
  test('hold the numbers that they were made of, each at its place', () => {
    fc.assert(
      fc.property(some, (numbers) => {
        const ranges = RowRanges.of(numbers);
        assert.deepEqual(numbersOf(ranges), numbers);
        assert.equal(ranges.count, numbers.length);
        assert.deepEqual(
          Array.from({ length: numbers.length + 1 }, (_, place) => ranges.at(place)),
          [...numbers, undefined],
        );
        assert.equal(ranges.at(-1), undefined);
      }),
    );
  });

  test('hold all others, also where one is named twice', () => {
    fc.assert(
      fc.property(some, some, (numbers, again) => {
        const all = [...numbers, ...again].toSorted((a, b) => a - b);
        const others = Array.from({ length: 41 }, (_, n) => n).filter((n) => !all.includes(n));
        assert.deepEqual(numbersOf(RowRanges.except(all, 41)), others);
      }),
    );
  });

  test('that follow each other are one', () => {
    const ranges = RowRanges.of([4, 5, 7]);
    ranges.add(8, 10);
    ranges.add(10, 10);
    assert.deepEqual(
      [...ranges],
      [
        [4, 6],
        [7, 10],
      ],
    );
    assert.deepEqual([...RowRanges.except([], 3)], [[0, 3]]);
    assert.deepEqual([...RowRanges.except([], 0)], []);
  });
});
