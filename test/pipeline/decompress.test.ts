import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { DecompressError, decompress } from '../../src/pipeline/decompress.ts';
import { readNdjson } from '../../src/pipeline/read-ndjson.ts';
import { unpackWhole } from '../../src/pipeline/unpack-whole.ts';
import { cutAt } from './cut-at.ts';

const unpack = async (packing: 'gzip' | 'zstd', bytes: Buffer, cuts: readonly number[] = []) => {
  const chunks: Buffer[] = [];
  const options = { times: { gunzipMs: 0 }, memory: 'lasting' } as const;
  for await (const chunk of decompress(Readable.from(cutAt(bytes, cuts)), packing, options)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};
const refused = (packing: 'gzip' | 'zstd', bytes: Buffer, message: RegExp) =>
  assert.rejects(unpack(packing, bytes), (error) => {
    assert.ok(error instanceof DecompressError, `${error}`);
    assert.equal(error.code, `bad-${packing}`);
    assert.match(error.message, message);
    return true;
  });

const ZEROS = Buffer.alloc(600);
/** Lines that compress little, and one of a single byte, which zstd writes as a run. */
const PARTS = [
  Array.from({ length: 400 }, (_, n) => `{"id":"${(n * 7919) % 1009}-${n}"}\n`).join(''),
  ' '.repeat(300_000),
  '{"id":"last"}\n',
];
const ALL = PARTS.join('');

describe('no row of a packed file is passed over', () => {
  const gzips = PARTS.map((part) => gzipSync(part));

  test('gzip: all members are unpacked, and zeros after the last are padding', async () => {
    assert.equal(await unpack('gzip', Buffer.concat(gzips)), ALL);
    assert.equal(await unpack('gzip', Buffer.concat([...gzips, ZEROS])), ALL);
    assert.equal(await unpack('gzip', Buffer.concat([...gzips, ZEROS]), [Buffer.concat(gzips).length]), ALL);
  });

  test('gzip: a member behind zeros, or anything else there, is refused: zlib would end before it', async () => {
    const [first = ZEROS, ...rest] = gzips;
    await refused(
      'gzip',
      Buffer.concat([first, ZEROS, ...rest]),
      /ends at byte \d+, but more than zero padding follows/,
    );
    await refused('gzip', Buffer.concat([first, ZEROS, Buffer.from('x')]), /more than zero padding follows/);
  });

  for (const checksum of [0, 1])
    test(`zstd: all frames are unpacked, however they are cut, with and without content (checksums: ${checksum})`, async () => {
      const frames = PARTS.map((part) =>
        zstdCompressSync(part, { params: { [constants.ZSTD_c_checksumFlag]: checksum } }),
      );
      // A frame that holds no content (RFC 8878, 3.1.2): its magic, a length, and so many bytes, here of another frame.
      const [first = ZEROS] = frames;
      const head = Buffer.alloc(8);
      head.writeUInt32LE(0x184d2a5f);
      head.writeUInt32LE(first.length, 4);
      const skippable = Buffer.concat([head, first]);
      const all = Buffer.concat([skippable, ...frames.flatMap((frame) => [frame, skippable])]);
      assert.equal(await unpack('zstd', all), ALL);
      const everywhere = Array.from({ length: all.length - 1 }, (_, n) => n + 1);
      assert.equal(await unpack('zstd', all, everywhere), ALL);
    });
});

test('data that is damaged says so, in the words of the loader', async () => {
  for (const [packing, packed] of [
    ['gzip', gzipSync(ALL)],
    ['zstd', zstdCompressSync(ALL, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
  ] as const) {
    const damaged = Buffer.from(packed);
    const middle = damaged.length >> 1;
    damaged.writeUInt32LE(damaged.readUInt32LE(middle) ^ 0xffffffff, middle);
    await refused(packing, damaged, /is damaged: /);
    await refused(packing, packed.subarray(0, -1), packing === 'gzip' ? /ends inside a member/ : /ends inside a frame/);
  }
});

describe('a small file that is unpacked at once', () => {
  const most = 1_000_000;

  test('has all of its bytes, or is refused, to be read as a stream', async () => {
    const [first = ZEROS, ...rest] = PARTS.map((part) => gzipSync(part));
    assert.equal((await unpackWhole(Buffer.concat([first, ...rest]), most)).toString(), ALL);
    assert.equal((await unpackWhole(Buffer.concat([first, ...rest, ZEROS]), most)).toString(), ALL);
    assert.equal((await unpackWhole(Buffer.from(ALL), most)).toString(), ALL);
    await assert.rejects(unpackWhole(Buffer.concat([first, ZEROS, ...rest]), most), /more than zero padding/);
  });

  test('takes no more memory than it may, packed or not', async () => {
    for (const packed of [gzipSync(ALL), zstdCompressSync(ALL), Buffer.from(ALL)])
      await assert.rejects(unpackWhole(packed, ALL.length - 1), `${packed.length}`);
  });
});

test('what is no text is refused, packed or not, before anybody takes it for a bad line', async () => {
  const binary = Buffer.from('PK\x03\x04\0\0\0\0 and so on\n');
  const read = async (bytes: Buffer) => {
    for await (const _ of readNdjson(Readable.from([bytes])));
  };
  for (const bytes of [binary, gzipSync(binary), zstdCompressSync(binary)])
    await assert.rejects(read(bytes), { name: 'FormatError' });
  await assert.rejects(unpackWhole(gzipSync(binary), 1_000_000), { name: 'FormatError' });
});

test('the source of a file that is refused is let go of', async () => {
  let isOpen = true;
  const source = (async function* () {
    try {
      for (;;) yield Buffer.from('PK\x03\x04\0\0\0\0');
    } finally {
      isOpen = false;
    }
  })();
  await assert.rejects(readNdjson(source).next(), { name: 'FormatError' });
  assert.equal(isOpen, false);
});
