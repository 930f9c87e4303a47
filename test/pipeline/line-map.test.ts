import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineMap } from '../../src/pipeline/line-map.ts';

test('A row is on the line of the same number when no line was skipped', () => {
  assert.equal(new LineMap().lineOf(7), 7);
});

test('Skipped lines shift the rows after them only', () => {
  const map = new LineMap();
  map.skipped(0);
  map.skipped(2);
  map.skipped(2);
  assert.deepEqual(
    [1, 2, 3, 4].map((row) => map.lineOf(row)),
    [2, 3, 6, 7],
  );
});

test('Any mixture of rows and skipped lines maps back', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (areRows) => {
      const map = new LineMap();
      const linesOfRows: number[] = [];
      for (const [index, isRow] of areRows.entries()) {
        if (isRow) linesOfRows.push(index + 1);
        else map.skipped(linesOfRows.length);
      }
      assert.deepEqual(
        linesOfRows.map((_line, index) => map.lineOf(index + 1)),
        linesOfRows,
      );
    }),
  );
});

test('A map that had to stop says nothing of the rows it cannot place, and still places those before', () => {
  const map = new LineMap();
  for (let i = 0; i < 1_000_001; i++) map.skipped(i < 10 ? 0 : 1);
  assert.equal(map.lineOf(1), 11);
  assert.equal(map.lineOf(2), undefined);
});
