import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RowHashModule } from '../../src/target/row-hash-module.ts';
import { RowHashes } from '../../src/target/row-hasher.ts';
import { highwayHash } from './highway-hash.ts';

const hashes = new RowHashes();
const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
const NO_DATE = -(2n ** 63n);
const TRAILER = Buffer.from([255, 255]);

const field = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const int8 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
/** A row in COPY's binary form, with its number and hash, which are 0 where they are not given. */
const rowOf = (fields: readonly Buffer[], number = 0n, hash: Buffer = Buffer.alloc(16)) => {
  const count = Buffer.alloc(2);
  count.writeInt16BE(fields.length + 2);
  return Buffer.concat([count, ...[int8(number), hash, ...fields].map(field)]);
};
/** What a row should become, of fields that it has. */
const hashedRow = (number: number, fields: readonly Buffer[], hashed = fields) =>
  rowOf(fields, BigInt(number), highwayHash(key, Buffer.concat(hashed.map(field))));

/** Checks that the rows get the hashes that `expected` has, wherever they lie, and what is said of them. */
function assertHashed(rows: readonly Buffer[], expected: readonly Buffer[], defaultTs?: bigint, firstRow = 1): void {
  const opening = Buffer.from('opening');
  const chunk = Buffer.concat([opening, ...rows, TRAILER]);
  const parts = hashes.hasher(key, defaultTs).hash(chunk, opening.length, firstRow);
  assert.equal(chunk.compare(Buffer.concat([opening, ...expected, TRAILER])), 0);
  const told = parts.flatMap(({ bytes, ends, hashFields }) =>
    Array.from(ends, (end, i) => ({
      row: bytes.subarray(ends[i - 1] ?? 0, end),
      hash: hashFields.subarray(20 * i, 20 * i + 20),
    })),
  );
  assert.deepEqual(
    told.map(({ row }) => row.length),
    expected.map(({ length }) => length),
  );
  for (const [i, { row, hash }] of told.entries()) {
    assert.equal(row.compare(expected[i] ?? TRAILER), 0);
    assert.equal(hash.compare(row, 14, 34), 0);
    assert.equal(row.buffer, chunk.buffer);
  }
}

describe('the hash of a row', () => {
  test('is HighwayHash: its published results, of 0 to 64 bytes', () => {
    const module = new RowHashModule();
    module.use(key, key, Buffer.alloc(8));
    const bytes = Buffer.from(Array.from({ length: 64 }, (_, i) => i));
    const results = Array.from({ length: 65 }, (_, size) =>
      Buffer.from(module.hash(bytes.subarray(0, size)).subarray(4)),
    );
    assert.equal(results[0]?.toString('hex'), 'c7fe8f9d8f26ed0f6f3e097f765e5633');
    assert.equal(results[64]?.toString('hex'), 'f2c4d498711fbb98c88f91de7105bce0');
    assert.equal(
      createHash('sha256').update(Buffer.concat(results)).digest('hex'),
      '5b6bd94a1084e92d3de7cd72ca44da183bb4e4d5a8a930f5331a26d0147d05df',
    );
    for (const [size, result] of results.entries()) assert.deepEqual(highwayHash(key, bytes.subarray(0, size)), result);
  });

  test('is that of what follows it, whatever lies behind the row', () => {
    const values = fc.array(fc.array(fc.uint8Array({ maxLength: 90 }), { minLength: 1, maxLength: 3 }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 2 ** 48 }), (all, firstRow) => {
        const rows = all.map((fields) => fields.map((bytes) => Buffer.from(bytes)));
        const expected = rows.map((fields, i) => hashedRow(firstRow + i, fields));
        assertHashed(
          rows.map((fields) => rowOf(fields)),
          expected,
          undefined,
          firstRow,
        );
      }),
    );
  });

  test('leaves out a ts that is the default one, and no other', () => {
    const rest = [Buffer.from('id'), Buffer.from('\x01{"a":1}')];
    const defaultTs = 811_000_000_123_456n;
    const dates = [defaultTs, defaultTs + 1n, NO_DATE, -1n, 0n];
    const rows = dates.map((ts) => rowOf([int8(ts), ...rest]));
    const expected = dates.map((ts, i) =>
      hashedRow(i + 1, [int8(ts), ...rest], [int8(ts === defaultTs ? NO_DATE : ts), ...rest]),
    );
    assertHashed(rows, expected, defaultTs);
  });

  for (const defaultTs of [undefined, 5n])
    test(`is that of the whole row where it is longer than what is hashed at once${defaultTs === undefined ? '' : ', dated'}`, () => {
      const dated = defaultTs === undefined ? [] : [int8(defaultTs)];
      const undated = defaultTs === undefined ? [] : [int8(NO_DATE)];
      const sizes = [3, 262_058, 262_059, 262_085, 262_086, 262_102, 262_103, 262_144, 10, 700_001, 524_288, 1];
      const rest = sizes.map((size, i) => Buffer.alloc(size, `text ${i} of ${size}`));
      const rows = rest.map((bytes) => rowOf([...dated, bytes]));
      assertHashed(
        rows,
        rest.map((bytes, i) => hashedRow(i + 7, [...dated, bytes], [...undated, bytes])),
        defaultTs,
        7,
      );
    });

  test('is another under another key, also where files take turns', () => {
    const other = Buffer.alloc(32, 7);
    const hashers = [hashes.hasher(key, undefined), hashes.hasher(other, undefined), hashes.hasher(other, 3n)];
    const fields = [int8(3n), Buffer.from('some text')];
    const results = [0, 1, 2, 0, 1, 2].map((i) => {
      const chunk = rowOf(fields);
      hashers[i]?.hash(chunk, 0, 1);
      return chunk.toString('hex', 18, 34);
    });
    const expected = [
      highwayHash(key, Buffer.concat(fields.map(field))),
      highwayHash(other, Buffer.concat(fields.map(field))),
      highwayHash(other, Buffer.concat([int8(NO_DATE), Buffer.from('some text')].map(field))),
    ].map((hash) => hash.toString('hex'));
    assert.deepEqual(results, [...expected, ...expected]);
  });
});

describe('a chunk that is not made of whole rows', () => {
  const rows = [rowOf([int8(1n), Buffer.from('first')]), rowOf([int8(2n), Buffer.from('a second row')])];
  const whole = Buffer.concat(rows);
  const take = (chunk: Buffer, defaultTs?: bigint) => hashes.hasher(key, defaultTs).hash(chunk, 0, 1);

  test('is refused wherever it is cut', () => {
    const boundaries = [0, rows[0]?.length ?? 0, whole.length];
    for (let length = 0; length <= whole.length; length++) {
      for (const end of [Buffer.alloc(0), TRAILER]) {
        // Bytes that are no part of the chunk, though they lie behind it.
        const chunk = Buffer.concat([whole.subarray(0, length), end, whole]).subarray(0, length + end.length);
        // The trailer's bytes may take the place of a row's last.
        if (boundaries.includes(length) || boundaries.includes(chunk.length)) assert.doesNotThrow(() => take(chunk));
        else assert.throws(() => take(chunk), RangeError, `${length} bytes`);
      }
    }
  });

  test('is refused where a length or the number of fields is another', () => {
    const fieldCounts = [
      [0, 0],
      [0, 1],
      [0, 5],
      [0x7f, 0xff],
      [0x80, 0],
      [0xff, 0xfe],
    ];
    for (const count of fieldCounts) {
      const chunk = Buffer.from(whole);
      chunk.set(count, 0);
      assert.throws(() => take(chunk), RangeError, `${count} fields`);
    }
    // Of the number, the hash, the ts, the text.
    for (const at of [2, 14, 34, 46])
      for (const length of [-1, -5, -(2 ** 31), 2 ** 31 - 1, 7, 17, 2 ** 30]) {
        const chunk = Buffer.from(whole);
        chunk.writeInt32BE(length, at);
        assert.throws(() => take(chunk, 1n), RangeError, `${length} at ${at}`);
      }
  });

  test('is refused where anything follows the trailer, and where a row is undated that should be dated', () => {
    assert.throws(() => take(Buffer.concat([whole, TRAILER, whole])), RangeError);
    assert.throws(() => take(Buffer.concat([whole, TRAILER, Buffer.alloc(1)])), RangeError);
    assert.throws(() => take(rowOf([Buffer.from('short')]), 1n), RangeError);
    assert.throws(() => take(rowOf([]), 1n), RangeError);
  });

  test('is refused where a long row is cut, or has a wrong length', () => {
    const long = rowOf([int8(1n), Buffer.alloc(700_000), Buffer.from('end')]);
    for (const cut of [1, 3, 4, 7, 8, 100, 500_000])
      assert.throws(() => take(long.subarray(0, long.length - cut)), RangeError);
    for (const length of [-1, 700_001, 2 ** 31 - 1]) {
      const chunk = Buffer.from(long);
      chunk.writeInt32BE(length, 46);
      assert.throws(() => take(chunk), RangeError);
    }
  });
});
