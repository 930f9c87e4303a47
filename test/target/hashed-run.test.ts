import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HashedRun } from '../../src/target/hashed-run.ts';
import { RowRanges } from '../../src/target/row-ranges.ts';

const parts = fc.array(fc.array(fc.string({ minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 6 }), {
  maxLength: 5,
});

test('a run gives the bytes of any of its rows, whatever chunk they lie in, and all of its chunks back at the end', () => {
  fc.assert(
    fc.property(parts, fc.func(fc.boolean()), (texts, isWanted) => {
      const run = new HashedRun();
      const reused: number[] = [];
      for (const [i, rows] of texts.entries()) {
        let end = 0;
        const ends = Uint32Array.from(rows, (row) => (end += Buffer.byteLength(row)));
        const hashFields = Buffer.from(rows.map(() => i));
        run.add([{ bytes: Buffer.from(rows.join('')), ends, hashFields }], () => reused.push(i));
      }
      const all = texts.flat();
      assert.equal(run.rows, all.length);
      assert.equal(run.bytes, Buffer.byteLength(all.join('')));
      assert.deepEqual(
        [...run.hashFields],
        texts.flatMap((rows, i) => rows.map(() => i)),
      );
      const wanted = all.flatMap((_, row) => (isWanted(row) ? row : []));
      const given = [...run.bytesOf(RowRanges.of(wanted))];
      assert.equal(Buffer.concat(given).toString(), wanted.map((row) => all[row]).join(''));
      assert.ok(given.length <= texts.length);
      assert.deepEqual(reused, []);
      run.reuse();
      assert.deepEqual(reused, [...texts.keys()]);
    }),
  );
});
