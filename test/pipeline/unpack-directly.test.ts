import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { constants, crc32, createInflateRaw, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Decoder } from '../../src/pipeline/decoder.ts';
import { GzipDecoder } from '../../src/pipeline/gzip-decoder.ts';
import { unpackByStream } from '../../src/pipeline/unpack-by-stream.ts';
import { DirectUnpacker } from '../../src/pipeline/unpack-directly.ts';
import {
  type ChunkBuffers,
  type ChunkMemory,
  createUnpacker,
  UNPACKED_CHUNK_BYTES,
} from '../../src/pipeline/unpacker.ts';
import { ZlibDecoder } from '../../src/pipeline/zlib-decoder.ts';
import { cutAt } from './cut-at.ts';

type Packing = 'gzip' | 'zstd';

const lines = Array.from({ length: 40_000 }, (_, n) => `{"resourceType":"Patient","id":"p${(n * 7919) % 40_009}"}\n`);
const content = Buffer.from(lines.join(''));
const zeros = Buffer.alloc(100);

const zstdWithChecksum = (bytes: Buffer) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });

function packed(packing: Packing): Record<string, Buffer> {
  const pack = packing === 'gzip' ? gzipSync : zstdWithChecksum;
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

const DECODERS = {
  gzip: () => ZlibDecoder.of(createUnpacker('gzip'), 'gzip'),
  zstd: () => ZlibDecoder.of(createUnpacker('zstd'), 'zstd'),
  'gzip with a CRC-32 of ours': () => GzipDecoder.of(createInflateRaw(), crc32),
};
type Way = keyof typeof DECODERS;
const WAYS: readonly (readonly [way: Way, packing: Packing])[] = [
  ['gzip', 'gzip'],
  ['zstd', 'zstd'],
  ['gzip with a CRC-32 of ours', 'gzip'],
];

function decoderOf(way: Way): Decoder {
  const decoder = DECODERS[way]();
  assert.ok(decoder);
  return decoder;
}

async function direct(pieces: Buffer[], way: Way, memory: ChunkMemory): Promise<Outcome> {
  const unpacker = new DirectUnpacker(decoderOf(way), options(memory));
  return await outcomeOf(unpacker.unpack(Readable.from(pieces)), () => unpacker.taken);
}

async function byStream(pieces: Buffer[], packing: Packing, memory: ChunkMemory): Promise<Outcome> {
  const unpacker = createUnpacker(packing);
  const chunks = unpackByStream(Readable.from(pieces), unpacker, options(memory));
  return await outcomeOf(chunks, () => unpacker.bytesWritten);
}

describe('unpacking without the thread pool gives what the documented stream gives', () => {
  for (const [way, packing] of WAYS) {
    for (const [name, bytes] of Object.entries(packed(packing))) {
      test(`${way}: ${name}`, async () => {
        for (const [how, pieces] of Object.entries(cuts(bytes))) {
          for (const memory of ['lasting', 'passing'] as const) {
            const expected = await byStream(pieces, packing, memory);
            const actual = await direct(pieces, way, memory);
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
    const unpacker = new DirectUnpacker(decoderOf('gzip'), options('lasting'));
    const chunks: Buffer[] = [];
    for await (const chunk of unpacker.unpack(Readable.from(cutAt(gzipSync(content), [1000, 30_000]))))
      chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(content));
  });

  for (const [way, packing] of WAYS) {
    const unpack = (bytes: Buffer, buffers: ChunkBuffers) => {
      const unpacker = new DirectUnpacker(decoderOf(way), { ...options('passing'), buffers });
      return unpacker.unpack(Readable.from([bytes]));
    };
    const { 'one part': whole = zeros, 'a damaged byte': damaged = zeros } = packed(packing);
    const ends: [how: string, bytes: Buffer, read: (chunks: AsyncIterable<Buffer>) => Promise<void>][] = [
      ['read to its end', whole, async (chunks) => await assert.doesNotReject(readAll(chunks))],
      ['damaged', damaged, async (chunks) => await assert.rejects(readAll(chunks))],
      [
        'not read any further',
        whole,
        async (chunks) => {
          for await (const chunk of chunks) if (chunk.length > 0) break;
        },
      ],
    ];
    for (const [how, bytes, read] of ends) {
      test(`passing chunks of ${way} lie in one buffer, which is given back: ${how}`, async () => {
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

  for (const [way, packing] of WAYS)
    test(`others of the thread have their turns while one piece of ${way} unpacks to very much`, async () => {
      const pack = packing === 'gzip' ? gzipSync : zstdCompressSync;
      const part = pack(Buffer.alloc(256 * 1024 * 1024, ' '));
      // A frame of zstd comes as a piece of its own.
      const pieces = packing === 'gzip' ? [Buffer.concat([part, part, part, part])] : [part, part, part, part];
      const unpacker = new DirectUnpacker(decoderOf(way), options('passing'));
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
    assert.equal(ZlibDecoder.of(other, 'gzip'), undefined);
    other.close();
  });
});
