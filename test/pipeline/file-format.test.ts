import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { readNdjson } from '../../src/pipeline/read-ndjson.ts';
import { cutAt } from './cut-at.ts';

const linesOf = (count: number) =>
  Buffer.from(
    Array.from({ length: count }, (_, n) => `${JSON.stringify({ id: `zstd-${n}`, value: Math.random() })}\n`).join(''),
  );
const LINES = linesOf(3000);
/** Enough for every kind of frame and block, and few enough to be cut after each byte. */
const FEW_LINES = linesOf(200);
/** Of how many bytes the pieces are, and of which lines. */
const PIECES = [
  [65_536, LINES],
  [1009, LINES],
  [1, FEW_LINES],
] as const;
const read = async (bytes: Buffer, piece = 65_536) => {
  const cuts = Array.from({ length: Math.floor(bytes.length / piece) }, (_, n) => (n + 1) * piece);
  const chunks: Buffer[] = [];
  for await (const chunk of readNdjson(Readable.from(cutAt(bytes, cuts)))) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
};
const halvesOf = (lines: Buffer) => {
  const half = lines.indexOf('\n', lines.length / 2) + 1;
  return [lines.subarray(0, half), lines.subarray(half)] as const;
};
const checksum = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const skippable = Buffer.concat([Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 7, 0, 0, 0]), Buffer.from('ignored')]);
const emptySkippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);

describe('zstd is read whole', () => {
  const blank = Buffer.alloc(1_000_000, ' ');
  /** Files by what they are, with what they hold. */
  const filesOf = (lines: Buffer): Record<string, [file: Buffer, content: Buffer]> => {
    const [first, second] = halvesOf(lines);
    const dense = Buffer.concat([Buffer.from('{'), brotliCompressSync(lines)]);
    return {
      'one frame': [zstdCompressSync(lines), lines],
      'one frame with a checksum': [zstdCompressSync(lines, checksum), lines],
      'two frames': [Buffer.concat([zstdCompressSync(first), zstdCompressSync(second, checksum)]), lines],
      'a frame a line': [
        Buffer.concat(
          lines
            .toString()
            .split(/(?<=\n)/)
            .map((line) => zstdCompressSync(line)),
        ),
        lines,
      ],
      'empty frames between': [
        Buffer.concat([zstdCompressSync(''), zstdCompressSync(lines), zstdCompressSync('')]),
        lines,
      ],
      'skippable frames before, between and after': [
        Buffer.concat([
          skippable,
          zstdCompressSync(first),
          emptySkippable,
          skippable,
          zstdCompressSync(second),
          skippable,
        ]),
        lines,
      ],
      'blocks of one repeated byte': [zstdCompressSync(blank), blank],
      'what does not compress': [zstdCompressSync(dense), dense],
    };
  };
  for (const [piece, lines] of PIECES)
    for (const [what, [file, content]] of Object.entries(filesOf(lines)))
      test(`${what}, in pieces of ${piece} bytes`, async () => {
        assert.ok((await read(file, piece)).equals(content));
      });

  for (const program of ['/usr/bin/zstd', '/usr/bin/pzstd'])
    test(`as written by ${program}`, { skip: !existsSync(program) }, async () => {
      const big = Buffer.concat(Array.from({ length: 40 }, () => LINES));
      const file = execFileSync(program, ['-c', '-q', '-3'], { input: big, maxBuffer: 1 << 28 });
      assert.ok((await read(file)).equals(big));
    });
});

describe('zstd that is not whole fails', () => {
  for (const [piece, lines] of [PIECES[0], PIECES[2]])
    for (const [what, file, message] of brokenFilesOf(lines))
      test(`${what}, in pieces of ${piece} bytes`, async () => {
        await assert.rejects(read(file, piece), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'bad-zstd');
          assert.match(error.message, message);
          return true;
        });
      });
});

function brokenFilesOf(lines: Buffer): [what: string, file: Buffer, message: RegExp][] {
  const [first, second] = halvesOf(lines);
  const one = zstdCompressSync(lines, checksum);
  const two = Buffer.concat([zstdCompressSync(first), zstdCompressSync(second)]);
  const firstFrame = zstdCompressSync(first).length;
  const damaged = Buffer.from(one);
  damaged[one.length >> 1] = (damaged[one.length >> 1] ?? 0) ^ 0xff;
  return [
    ['cut in a block', one.subarray(0, one.length >> 1), /cut short: it ends inside a frame/],
    ['cut in the checksum', one.subarray(0, -2), /cut short/],
    ['cut in the second frame', two.subarray(0, -1), /cut short/],
    ['cut in the second magic', two.subarray(0, firstFrame + 2), /cut short/],
    ['cut after the magic', one.subarray(0, 4), /cut short/],
    ['damaged', damaged, /damaged/],
    ['another thing after it', Buffer.concat([one, Buffer.from('{"id":"a"}\n')]), /damaged|follows/],
    ['zeros after it', Buffer.concat([one, Buffer.alloc(20)]), /damaged|follows/],
  ];
}

describe('what is neither ndjson nor packed by gzip or zstd is called by its name', () => {
  const json = '{"id":"a"}\n';
  const utf16 = Buffer.from(json, 'utf16le');
  const tar = Buffer.concat([Buffer.from('Patient.ndjson'.padEnd(257, '\0')), Buffer.from('ustar\u000000')]);
  for (const [what, bytes] of [
    ['a bzip2 archive', 'BZh91AY&SY'],
    ['a zip archive', 'PK\x03\x04\x14\x00'],
    ['an xz archive', Buffer.from('fd377a585a000004', 'hex')],
    ['a 7z archive', Buffer.from('377abcaf271c0004', 'hex')],
    ['an lz4 archive', Buffer.from('04224d186440', 'hex')],
    ['a tar archive', tar],
    ['a Parquet file', 'PAR1\x15\x04'],
    ['an Avro file', 'Obj\x01'],
    ['encrypted', '-----BEGIN PGP MESSAGE-----'],
    ['a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\n'],
    ['text in UTF-16', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])],
    ['text in UTF-16', utf16],
    ['text in UTF-16', Buffer.from(utf16).swap16()],
    ['text in UTF-32', Buffer.from('7b00000022000000', 'hex')],
    ['an HTML page', '\n<!DOCTYPE html><html><body>Sign in</body></html>'],
    ['an XML document', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'],
    ['aws-chunked', `${'b'};chunk-signature=${'a'.repeat(64)}\r\n${json}\r\n0;chunk-signature=…`],
    ['full of zeros', Buffer.alloc(1_000)],
    ['binary data', Buffer.alloc(3)],
    ['binary data', brotliCompressSync(FEW_LINES)],
    ['binary data', `no resource\n\x01\n${json}`],
    ['aws-chunked', `b\r\n${json}\r\n0\r\n`],
  ] as const)
    test(what, async () => {
      const file = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
      for (const [packed, where] of [
        [file, 'the file is'],
        [gzipSync(file), 'unpacked from gzip, is'],
        [zstdCompressSync(file), 'unpacked from zstd, is'],
      ] as const) {
        await assert.rejects(read(packed), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'not-ndjson');
          assert.ok(error.message.includes(what), error.message);
          assert.ok(error.message.includes(where), error.message);
          return true;
        });
      }
    });

  test('packed twice', async () => {
    await assert.rejects(read(gzipSync(gzipSync(json))), /the file is packed twice, by gzip within gzip/);
    await assert.rejects(read(zstdCompressSync(gzipSync(json))), /packed twice, by gzip within zstd/);
  });

  test('ndjson of any beginning passes', async () => {
    for (const text of [
      json,
      `\ufeff${json}`,
      `\r\n\r\n ${json}`,
      '[1]\n',
      '"PK"\n',
      'PK\n',
      'xyz\r\n{}\n',
      '{',
      '0',
      '\t{}\n',
      '{"id":"\x01"}\n\x00',
    ])
      assert.equal((await read(Buffer.from(text))).toString(), text);
  });
});
