import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { unpackByStream } from '../../src/pipeline/unpack-by-stream.ts';
import { DirectUnpacker } from '../../src/pipeline/unpack-directly.ts';
import {
  type ChunkBuffers,
  type ChunkMemory,
  createUnpacker,
  UNPACKED_CHUNK_BYTES,
} from '../../src/pipeline/unpacker.ts';
import { cutAt } from './cut-at.ts';

type Packing = 'gzip' | 'zstd';

const lines = Array.from({ length: 40_000 }, (_, n) => `{"resourceType":"Patient","id":"p${(n * 7919) % 40_009}"}\n`);
const content = Buffer.from(lines.join(''));
const zeros = Buffer.alloc(100);

function packed(packing: Packing): Record<string, Buffer> {
  const pack = packing === 'gzip' ? gzipSync : zstdCompressSync;
  const one = pack(content);
  const damaged = Buffer.from(one);
  damaged[one.length >> 1] = (damaged[one.length >> 1] ?? 0) ^ 0x55;
  const wrongSum = Buffer.from(one);
  wrongSum[one.length - 6] = (wrongSum[one.length - 6] ?? 0) ^ 1;
  return {
    'one part': one,
    'a part without content': pack(Buffer.alloc(0)),
    'a length that fills the output buffer exactly': pack(content.subarray(0, 2 * UNPACKED_CHUNK_BYTES)),
    'cut short within': one.subarray(0, one.length >> 1),
    'cut short at the very end': one.subarray(0, -1),
    'a damaged byte': damaged,
    ...(packing === 'gzip'
      ? {
          'several parts': Buffer.concat([one, pack(Buffer.alloc(0)), pack(Buffer.from('x\n')), one]),
          'zero padding': Buffer.concat([one, zeros]),
          'something else behind it': Buffer.concat([one, Buffer.from('else')]),
          'a wrong checksum': wrongSum,
        }
      : {}),
  };
}

const cuts = (bytes: Buffer) => ({
  whole: [bytes],
  'in pieces of 64 KiB': cutAt(bytes, each(bytes, 65_536)),
  'in pieces of 777 bytes': cutAt(bytes, each(bytes, 777)),
  'the last bytes one by one': cutAt(
    bytes,
    Array.from({ length: 30 }, (_, n) => Math.max(0, bytes.length - 30 + n)),
  ),
});

const each = (bytes: Buffer, step: number) =>
  Array.from({ length: Math.floor(bytes.length / step) }, (_, n) => (n + 1) * step);

const options = (memory: ChunkMemory) => ({ times: { gunzipMs: 0 }, memory });

async function readAll(chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of chunks) assert.ok(chunk.length > 0);
}

interface Outcome {
  content: Buffer;
  code: unknown;
  taken: number | undefined;
}

async function outcomeOf(chunks: AsyncIterable<Buffer>, taken: () => number): Promise<Outcome> {
  const read: Buffer[] = [];
  try {
    for await (const chunk of chunks) read.push(Buffer.from(chunk));
    return { content: Buffer.concat(read), code: undefined, taken: taken() };
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error);
    // How much has come before a failure depends on the pieces.
    return { content: Buffer.alloc(0), code: error.code, taken: undefined };
  }
}

async function direct(pieces: Buffer[], packing: Packing, memory: ChunkMemory): Promise<Outcome> {
  const unpacker = DirectUnpacker.of(createUnpacker(packing), packing, options(memory));
  assert.ok(unpacker);
  return await outcomeOf(unpacker.unpack(Readable.from(pieces)), () => unpacker.taken);
}

async function byStream(pieces: Buffer[], packing: Packing, memory: ChunkMemory): Promise<Outcome> {
  const unpacker = createUnpacker(packing);
  const chunks = unpackByStream(Readable.from(pieces), unpacker, options(memory));
  return await outcomeOf(chunks, () => unpacker.bytesWritten);
}

describe('unpacking without the thread pool gives what the documented stream gives', () => {
  for (const packing of ['gzip', 'zstd'] as const) {
    for (const [name, bytes] of Object.entries(packed(packing))) {
      test(`${packing}: ${name}`, async () => {
        for (const [how, pieces] of Object.entries(cuts(bytes))) {
          for (const memory of ['lasting', 'passing'] as const) {
            const expected = await byStream(pieces, packing, memory);
            const actual = await direct(pieces, packing, memory);
            assert.deepEqual(
              { ...actual, content: actual.content.length },
              { ...expected, content: expected.content.length },
              how,
            );
            assert.ok(actual.content.equals(expected.content), how);
          }
        }
      });
    }
  }

  test('chunks that last keep their bytes while others are unpacked', async () => {
    const unpacker = DirectUnpacker.of(createUnpacker('gzip'), 'gzip', options('lasting'));
    assert.ok(unpacker);
    const chunks: Buffer[] = [];
    for await (const chunk of unpacker.unpack(Readable.from(cutAt(gzipSync(content), [1000, 30_000]))))
      chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(content));
  });

  for (const packing of ['gzip', 'zstd'] as const) {
    const unpack = (bytes: Buffer, buffers: ChunkBuffers) => {
      const unpacker = DirectUnpacker.of(createUnpacker(packing), packing, { ...options('passing'), buffers });
      assert.ok(unpacker);
      return unpacker.unpack(Readable.from([bytes]));
    };
    const whole = packed(packing)['one part'] ?? Buffer.alloc(0);
    const ends: [how: string, bytes: Buffer, read: (chunks: AsyncIterable<Buffer>) => Promise<void>][] = [
      ['read to its end', whole, async (chunks) => await assert.doesNotReject(readAll(chunks))],
      ['damaged', whole.subarray(0, -1), async (chunks) => await assert.rejects(readAll(chunks))],
      [
        'not read any further',
        whole,
        async (chunks) => {
          for await (const chunk of chunks) if (chunk.length > 0) break;
        },
      ],
    ];
    for (const [how, bytes, read] of ends) {
      test(`passing chunks of ${packing} lie in one buffer, which is given back: ${how}`, async () => {
        const buffer = Buffer.allocUnsafeSlow(10_000);
        let taken = 0;
        const given: Buffer[] = [];
        const chunks = unpack(bytes, {
          take: () => {
            taken++;
            return buffer;
          },
          giveBack: (one) => given.push(one),
        });
        await read(
          (async function* () {
            for await (const chunk of chunks) {
              assert.equal(chunk.buffer, buffer.buffer);
              assert.deepEqual(given, [], 'not while a chunk is read');
              yield chunk;
            }
          })(),
        );
        assert.equal(taken, 1);
        assert.deepEqual(given, [buffer]);
      });
    }
  }

  for (const packing of ['gzip', 'zstd'] as const)
    test(`others of the thread have their turns while one piece of ${packing} unpacks to very much`, async () => {
      const pack = packing === 'gzip' ? gzipSync : zstdCompressSync;
      const part = pack(Buffer.alloc(256 * 1024 * 1024, ' '));
      // A frame of zstd comes as a piece of its own.
      const pieces = packing === 'gzip' ? [Buffer.concat([part, part, part, part])] : [part, part, part, part];
      const unpacker = DirectUnpacker.of(createUnpacker(packing), packing, options('passing'));
      assert.ok(unpacker);
      let turns = 0;
      const ticking = setInterval(() => turns++);
      let bytes = 0;
      for await (const chunk of unpacker.unpack(Readable.from(pieces))) bytes += chunk.length;
      clearInterval(ticking);
      assert.equal(bytes, 1024 * 1024 * 1024);
      assert.ok(turns > 4, `${turns} turns`);
    });

  test('it is not used where Node has its streams made otherwise', () => {
    const other = createUnpacker('gzip');
    Object.assign(other, { _writeState: undefined });
    assert.equal(DirectUnpacker.of(other, 'gzip', options('passing')), undefined);
    other.close();
  });
});
