import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { FILE_HEADER, FILE_TRAILER } from '../../src/pipeline/copy-row-writer.ts';
import { encodeWhole } from '../../src/pipeline/encode-whole.ts';
import { IdentityTransform } from '../../src/pipeline/identity-transform.ts';
import { KeptRows } from '../../src/pipeline/kept-rows.ts';
import { encodeText } from './encode.ts';
import { readCopyBinary } from './read-copy-binary.ts';

const BUFFER_BYTES = 4096;

const fileOf = (name: string, lineBytes: readonly number[]) =>
  lineBytes
    .map((bytes, n) => `{"resourceType":"Patient","id":"${name}-${n}","text":"${'x'.repeat(bytes)}"}\n`)
    .join('');

/** Of all sizes: rows that fill a buffer, just miss it and are longer than one; none at all. */
const FILES = [[10], [100, 200], [], [BUFFER_BYTES, 5, 3 * BUFFER_BYTES], [2_000, 2_000, 2_000], [3_990], [1]].map(
  (lines, n) => fileOf(`f${n}`, lines),
);

describe('small files, encoded one after another into buffers that are used again', () => {
  const buffers = new CopyBuffers(BUFFER_BYTES);
  const options = () => ({
    transform: new IdentityTransform('Patient'),
    constants: [],
    maxLineBytes: 1e6,
    buffers,
  });
  const encodeAll = (kept: KeptRows) => FILES.map((file) => encodeWhole(Buffer.from(file), options(), kept));

  test('the rows of each are those of a COPY of its own, also beside one that fails', () => {
    const kept = new KeptRows(buffers);
    const bad = `${fileOf('bad', [3_000, 3_000])}{"resourceType":"Patient"}\n`;
    assert.throws(() => encodeWhole(Buffer.from(bad), options(), kept), /line 3/);
    const encoded = encodeAll(kept);
    assert.throws(() => encodeWhole(Buffer.from(bad), options(), kept), /line 3/);
    for (const [n, { bytes, rows }] of encoded.entries()) {
      const ids = readCopyBinary(Buffer.concat([FILE_HEADER, ...bytes, FILE_TRAILER])).map(([id]) => id?.toString());
      assert.deepEqual(
        ids,
        encodeText(FILES[n] ?? '').map(({ id }) => id),
        `file ${n}`,
      );
      assert.equal(rows, ids.length);
    }
    assert.ok(kept.bytes >= encoded.flatMap(({ bytes }) => bytes).reduce((sum, { length }) => sum + length, 0));
  });

  test('what is given back is used again: further files take no memory of their own', () => {
    const kept = new KeptRows(buffers);
    const memory = new Set<ArrayBufferLike>();
    const mostOf: number[] = [];
    for (let round = 0; round < 20; round++) {
      for (const { bytes } of encodeAll(kept)) for (const { buffer } of bytes) memory.add(buffer);
      mostOf.push(memory.size);
      kept.giveBack();
      assert.equal(kept.bytes, 0);
    }
    const [first = 0] = mostOf;
    assert.ok(first > 5, `${first} buffers`);
    // The encoder itself has two.
    assert.ok(memory.size <= first + 2, `${mostOf} buffers`);
  });

  test('what is given back is somebody else’s: nothing is written into it any more', () => {
    const kept = new KeptRows(buffers);
    kept.keep(Buffer.from('rows'));
    kept.giveBack();
    const taken = Array.from({ length: 40 }, () => buffers.take());
    for (const buffer of taken) buffer.fill(0);
    kept.keep(Buffer.from('more rows'));
    assert.ok(taken.every((buffer) => buffer.every((byte) => byte === 0)));
    // More than are kept for another use: the last one is freed.
    for (const buffer of taken) buffers.giveBack(buffer);
    kept.giveBack();
    assert.equal(kept.bytes, 0);
    assert.equal(Buffer.concat(kept.keep(Buffer.from('rows'))).toString(), 'rows');
  });
});
