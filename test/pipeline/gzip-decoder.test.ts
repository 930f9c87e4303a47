import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { constants, crc32, createInflateRaw, deflateRawSync } from 'node:zlib';
import { decompress } from '../../src/pipeline/decompress.ts';
import { GzipDecoder } from '../../src/pipeline/gzip-decoder.ts';
import { PlainRowModule } from '../../src/pipeline/plain-row-module.ts';
import { fuzzGzip } from '../fuzz/gzip-fuzz.ts';
import { gzipMember } from './gzip-member.ts';
import { TwoGunzips, unpackedTo } from './two-gunzips.ts';

const SEED = 20261127;
const ROOM = 20_000;
/** Packed in few bytes, and long enough for the members behind it to be read by the same reader. */
const LONG = Buffer.alloc(33_000, ' ');
const everyFlag = { text: true, sum: true, extra: Buffer.from('extra\0'), name: 'name', comment: 'comment' };
const members = [gzipMember(LONG, everyFlag), gzipMember(LONG), gzipMember(LONG, { sum: true, name: 'n' })];
const file = Buffer.concat([...members, Buffer.alloc(5)]);
const gunzips = new TwoGunzips();

async function assertSame(pieces: readonly Buffer[], what: string): Promise<void> {
  assert.deepEqual(await gunzips.own(pieces, ROOM), await gunzips.node(pieces, ROOM), what);
}

describe("the loader's own reader of gzip says and gives what Node's gunzip does", () => {
  test('of a file with several members and all that a header can have, which it takes', async () => {
    assert.deepEqual(await gunzips.own([file], ROOM), unpackedTo(Buffer.concat([LONG, LONG, LONG])));
    await assertSame([file], 'whole');
    await assertSame(
      Array.from(file, (byte) => Buffer.from([byte])),
      'byte by byte',
    );
  });

  test('cut short, and cut in two, at each byte', async () => {
    for (let at = 1; at < file.length; at++) {
      await assertSame([file.subarray(0, at)], `${at} bytes`);
      await assertSame([file.subarray(0, at), file.subarray(at)], `in two at ${at}`);
    }
  });

  test('with each bit turned', async () => {
    const bytes = Buffer.concat(members.slice(0, 2));
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await assertSame([damaged], `bit ${bit}`);
    }
  });

  test('with anything behind a member', async () => {
    const short = gzipMember(Buffer.from('{}\n'));
    const [first = file] = members;
    for (const rest of ['', 'x', 'else', '\0', '\0\0x', '\x1f', '\x1f\x8b', '\x1f\x8b\x08\xff', '\x1f\x8b\x09'])
      for (const before of [[first], [short], [first, short], [short, first]])
        await assertSame([Buffer.concat([...before, Buffer.from(rest, 'latin1')])], JSON.stringify(rest));
    await assertSame([Buffer.concat([first, Buffer.alloc(300), first])], 'a member behind zeros');
  });

  test('of 200 random files, most of them damaged', async () => {
    const { findings } = await fuzzGzip(200, SEED);
    assert.deepEqual(findings, []);
  });
});

describe('a member whose trailer does not fit its content is refused', () => {
  for (const [n, position] of ['first', 'second', 'last'].entries())
    for (const [what, fromEnd, problem] of [
      ['sum', 8, 'incorrect data check'],
      ['length', 4, 'incorrect length check'],
    ] as const)
      test(`the ${what} of the ${position}`, async () => {
        const parts = members.map((member) => Buffer.from(member));
        const part = parts[n] ?? file;
        for (const byte of [0, 1, 2, 3]) {
          const at = part.length - fromEnd + byte;
          part[at] = (part[at] ?? 0) ^ 0x40;
          const failure = `the gzip data is damaged: ${problem}`;
          assert.deepEqual(await gunzips.own([Buffer.concat(parts)], ROOM), { failure });
          part[at] = (part[at] ?? 0) ^ 0x40;
        }
      });
});

test('a member of more than 4 GiB is taken: its trailer has the length modulo 2^32', async () => {
  const MIB = 1024 * 1024;
  const piece = deflateRawSync(Buffer.alloc(64 * MIB), { finishFlush: constants.Z_FULL_FLUSH });
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
  /** An empty last block; the CRC-32, by zlib, of 65 times 64 MiB of zeros; their length, less 4 GiB. */
  const end = Buffer.from('0300' + '789a0b0c' + '00000004', 'hex');
  const { slots, crc32: folding } = new PlainRowModule();
  const [slot = Buffer.alloc(0)] = slots;
  const buffers = { take: () => slot, giveBack: () => {}, crc32: folding };
  const pieces = [header, ...Array.from({ length: 65 }, () => piece), end];
  let bytes = 0;
  for await (const chunk of decompress(Readable.from(pieces), 'gzip', {
    times: { gunzipMs: 0 },
    memory: 'passing',
    buffers,
  }))
    bytes += chunk.length;
  assert.equal(bytes, 65 * 64 * MIB);
});

test('it is not used where Node has its streams made otherwise', () => {
  const inflate = createInflateRaw();
  Object.assign(inflate, { _writeState: undefined });
  assert.equal(GzipDecoder.of(inflate, crc32), undefined);
  inflate.close();
});
