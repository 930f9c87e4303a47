import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { Random } from '../../demo/fhir-data/random.ts';
import { PlainRowModule } from '../../src/pipeline/plain-row-module.ts';

const SEED = 20261127;
const module = new PlainRowModule();
const [slot = Buffer.alloc(0)] = module.slots;
const random = new Random(SEED, 'folding-crc32', 0);
for (let at = 0; at < slot.length; at++) slot[at] = random.between(0, 255);

describe("CRC-32 by WebAssembly is zlib's", () => {
  test('of any length, from any place, after any sum', () => {
    const lengths = [0, 1, 8191, 8192, 8193, 8255, 8256, 12_210, 12_274, 16_384, slot.length];
    for (let n = 0; n < 3000; n++) {
      const length = lengths[n] ?? random.between(1, n % 2 === 0 ? 40_000 : slot.length);
      const bytes = slot.subarray(random.between(0, slot.length - length)).subarray(0, length);
      const before = random.pick([0, 1, 0xffffffff, random.between(0, 0xffffffff)]);
      assert.equal(module.crc32(bytes, before), crc32(bytes, before), `${length} bytes after ${before}`);
    }
  });

  test('of zeros and of ones', () => {
    const [, other = Buffer.alloc(0)] = module.slots;
    for (const byte of [0, 0xff]) {
      other.fill(byte);
      for (const before of [0, 0xffffffff]) assert.equal(module.crc32(other, before), crc32(other, before));
    }
  });

  test('of pieces that follow one another, wherever they are cut, and where some lie elsewhere', () => {
    for (let n = 0; n < 50; n++) {
      let sum = 0;
      for (let from = 0; from < slot.length; ) {
        const piece = slot.subarray(from, from + random.between(1, random.pick([100, 20_000, 150_000])));
        sum = module.crc32(random.chance(0.8) ? piece : Buffer.from(piece), sum);
        from += piece.length;
      }
      assert.equal(sum, crc32(slot));
    }
  });

  test('each single bit that changes changes the sum', () => {
    const length = 9000;
    const bytes = slot.subarray(0, length);
    const sum = module.crc32(bytes, 0);
    for (let at = 0; at < length; at++) {
      const bit = 1 << (at % 8);
      bytes[at] = (bytes[at] ?? 0) ^ bit;
      assert.notEqual(module.crc32(bytes, 0), sum, `byte ${at}`);
      bytes[at] = (bytes[at] ?? 0) ^ bit;
    }
  });
});
