import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { IdentityTransform } from '../../src/pipeline/identity-transform.ts';
import { RowEncoder } from '../../src/pipeline/row-encoder.ts';

const MB = 2 ** 20;
const LINE_BYTES = 50 * MB;
const CHUNK_BYTES = 64 * 1024;
/** A quadratic scan of 50 MB takes hours; a linear one half a second. */
const MOST_MS = 300_000;
/** The chunks as they came, the line put together, the row, and garbage of two of them. */
const MOST_MEMORY = 5 * LINE_BYTES;

const FRONT = '{"resourceType":"Patient","id":"x"';

describe('A line of 50 MB takes linear time and a small multiple of its length', () => {
  for (const [name, front, piece, back] of [
    ['one long string', `${FRONT},"data":"`, 'QUJD', '"}'],
    ['nested ids', `${FRONT},"a":[{}`, ',{"b":1,"id":"y"}', ']}'],
    ['many members', FRONT, ',"a":{"b":1,"id":"y"}', '}'],
    ['escaped letters', FRONT, ',"a":"\\u0061"', '}'],
    ['escaped quotes before the id', '{"a":"', '\\"\\\\', '","id":"x"}'],
    ['spaces', `${FRONT},`, ' ', '"a":1}'],
    ['spaced keys', `${FRONT},"a":[1`, ',         "id"         ', ']}'],
  ] as const)
    test(name, { timeout: MOST_MS }, () => {
      const pieces = Math.floor(LINE_BYTES / piece.length);
      const buffers = new CopyBuffers(256 * 1024);
      const transform = new IdentityTransform('Patient');
      const before = process.memoryUsage().arrayBuffers;
      let written = 0;
      let peak = 0;
      const encoder = new RowEncoder({ transform, constants: [], maxLineBytes: LINE_BYTES + MB, buffers }, [
        (chunk, reuse) => {
          written += chunk.length;
          peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
          reuse();
        },
      ]);
      for (const chunk of chunks(front, piece, pieces, back)) encoder.write(chunk);
      encoder.end();
      assert.equal(encoder.rows, 1);
      assert.ok(written > LINE_BYTES - MB);
      assert.ok(peak < MOST_MEMORY, `${Math.round(peak / MB)} MB`);
    });
});

function* chunks(front: string, piece: string, pieces: number, back: string): Generator<Buffer> {
  const perChunk = Math.floor(CHUNK_BYTES / piece.length);
  yield Buffer.from(front);
  for (let done = 0; done < pieces; done += perChunk)
    yield Buffer.from(piece.repeat(Math.min(perChunk, pieces - done)));
  yield Buffer.from(back);
}
