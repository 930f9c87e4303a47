import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { readNdjson } from '../../src/pipeline/read-ndjson.ts';
import { cutAt } from './cut-at.ts';

const TIMES = { gunzipMs: 0 };

/** Random, so that gzip cannot make much of it: its output comes in many pieces. Digits, as a file of binary data is refused. */
const content = Buffer.from(randomBytes(2_500_000).toString('hex'));

const source = (bytes: Buffer) =>
  Readable.from(cutAt(bytes, [1, ...Array.from({ length: 80 }, (_, n) => (n + 1) * 65_536)]));

describe('the memory of unpacked chunks', () => {
  test('passing: all of it is gone at the end, and every byte was there in time', async () => {
    const seen: Buffer[] = [];
    const read: Buffer[] = [];
    for await (const chunk of readNdjson(source(gzipSync(content)), TIMES, 'passing')) {
      read.push(Buffer.from(chunk));
      seen.push(chunk);
    }
    assert.ok(Buffer.concat(read).equals(content));
    assert.ok(seen.length > 1);
    assert.deepEqual(
      seen.filter((chunk) => chunk.length > 0),
      [],
    );
  });

  test('passing: what is not gzip is left alone, as its memory may be shared', async () => {
    const seen: Buffer[] = [];
    for await (const chunk of readNdjson(source(content), TIMES, 'passing')) seen.push(chunk);
    assert.ok(Buffer.concat(seen).equals(content));
  });

  test('lasting: it stays', async () => {
    const seen: Buffer[] = [];
    for await (const chunk of readNdjson(source(gzipSync(content)), TIMES)) seen.push(chunk);
    assert.ok(Buffer.concat(seen).equals(content));
  });
});

describe('a packed file that is cut short is an error, not a line of text', () => {
  const line = Buffer.from('{"id":"p1"}\n');
  const read = async (bytes: Buffer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of readNdjson(Readable.from([bytes]))) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  // A zstd file of one byte is a "(".
  for (const { packing, packed, least } of [
    { packing: 'gzip', packed: gzipSync(line), least: 1 },
    { packing: 'zstd', packed: zstdCompressSync(line), least: 2 },
  ])
    test(`${packing}, at every byte`, async () => {
      assert.ok((await read(packed)).equals(line));
      for (let length = least; length < packed.length; length++)
        await assert.rejects(read(packed.subarray(0, length)), /is cut short/, `${length} bytes`);
    });
});
