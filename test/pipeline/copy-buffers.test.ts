import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';

const BYTES = 1024;

/** Slots as the WebAssembly has them: side by side in one memory. */
function slotsOf(count: number): Buffer[] {
  const memory = new ArrayBuffer(count * BYTES);
  return Array.from({ length: count }, (_, n) => Buffer.from(memory, n * BYTES, BYTES));
}

describe('buffers that are used again', () => {
  test('slots come first, and none is ever handed out twice or lost for others that are given back', () => {
    const slots = slotsOf(4);
    const buffers = new CopyBuffers(BYTES, slots);
    for (let round = 0; round < 50; round++) {
      const taken = Array.from({ length: 40 }, () => buffers.take());
      assert.deepEqual(new Set(taken.map(({ length }) => length)), new Set([BYTES]));
      assert.equal(new Set(taken).size, taken.length);
      assert.deepEqual(new Set(taken.slice(0, 4)), new Set(slots));
      assert.equal(buffers.slotsOut, 4);
      // Those of no slot first, so that there is no room left when the slots come.
      for (const buffer of taken.toReversed()) buffers.giveBack(buffer);
      assert.equal(buffers.slotsOut, 0);
    }
  });

  test('at most 32 are kept, of any kind', () => {
    const buffers = new CopyBuffers(BYTES, slotsOf(8));
    const taken = Array.from({ length: 60 }, () => buffers.take());
    for (const buffer of taken) buffers.giveBack(buffer);
    const again = Array.from({ length: 60 }, () => buffers.take());
    assert.equal(again.filter((buffer) => taken.includes(buffer)).length, 32);
  });

  test('one of another size is freed', () => {
    const buffers = new CopyBuffers(BYTES);
    const long = Buffer.allocUnsafeSlow(5 * BYTES);
    buffers.giveBack(long);
    assert.equal(long.length, 0);
    assert.equal(buffers.take().length, BYTES);
  });
});
