import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import { ZstdFrames } from '../../src/pipeline/zstd-frames.ts';

/** A frame that holds no content (RFC 8878, 3.1.2). */
const skippable = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]);
const lines = (count: number) =>
  Buffer.from(Array.from({ length: count }, (_, n) => `{"id":"${(n * 7919) % 1009}-${n}"}\n`).join(''));

/** Node 22's decompressor does not tell: it takes what is cut short for all. */
test('bytes end inside a frame wherever they are cut, but not between frames', () => {
  const frames = [0, 1].flatMap((checksum) => [
    zstdCompressSync(lines(400), { params: { [constants.ZSTD_c_checksumFlag]: checksum } }),
    zstdCompressSync(Buffer.alloc(300_000, ' '), { params: { [constants.ZSTD_c_checksumFlag]: checksum } }),
    zstdCompressSync(Buffer.alloc(0), { params: { [constants.ZSTD_c_checksumFlag]: checksum } }),
    skippable,
  ]);
  const ends = new Set(frames.map((_, n) => Buffer.concat(frames.slice(0, n)).length));
  const all = Buffer.concat(frames);
  ends.add(all.length);
  const walked = new ZstdFrames();
  for (let at = 0; at <= all.length; at++) {
    assert.equal(walked.isInside, !ends.has(at), `after ${at} bytes`);
    for (const piece of walked.cut(all.subarray(at, at + 1))) assert.equal(piece.length, 1);
    const atOnce = new ZstdFrames();
    assert.equal(Buffer.concat([...atOnce.cut(all.subarray(0, at))]).length, at);
    assert.equal(atOnce.isInside, !ends.has(at), `${at} bytes at once`);
  }
});
