import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { ObjectIdentity } from '../../../src/source/object-source.ts';
import type { ObjectAnswer } from '../../../src/source/s3/object-answer.ts';
import { ObjectPin } from '../../../src/source/s3/object-pin.ts';
import { ReceivedBytes } from '../../../src/source/s3/received-bytes.ts';

const TIME = Date.UTC(2026, 0, 1);

/** The first answer of a store that tells all, changed. */
const answerOf = (change: Partial<ObjectAnswer> = {}): ObjectAnswer => ({
  status: 200,
  body: Readable.from([]),
  start: 0,
  total: 9,
  etag: '"a"',
  lastModified: TIME,
  isLastModifiedStrong: true,
  contentEncoding: undefined,
  headers: {},
  ...change,
});
const LISTED: ObjectIdentity = { size: 9, etag: 'a', lastModified: new Date(TIME + 400) };
const pinOf = (listed: ObjectIdentity = LISTED) => new ObjectPin('s3://b/k', listed);
const begun = (first: Partial<ObjectAnswer> = {}, listed: ObjectIdentity = LISTED) => {
  const pin = pinOf(listed);
  pin.begin(answerOf(first));
  return pin;
};

describe('an object is read as it was listed', () => {
  test('by its ETag, in any spelling, or where one of the two has none by its time, to the second; and by its length', () => {
    begun();
    begun({ etag: undefined });
    begun({}, { size: 9, lastModified: new Date(TIME + 400) });
    const untagged = { size: 9, lastModified: new Date(TIME - 60_000) };
    for (const [other, listed] of [
      [{ etag: '"b"' }, LISTED],
      [{ total: 8 }, LISTED],
      [{}, untagged],
      [{ etag: undefined }, { ...LISTED, lastModified: new Date(TIME + 60_000) }],
    ] as const)
      assert.throws(() => begun(other, listed), /replaced|changed|another/i, JSON.stringify(other));
  });

  test('whose length nobody says is not read: nothing would show that its end is missing', () => {
    assert.throws(() => begun({ total: undefined }, { etag: 'a' }));
    assert.equal(begun({ total: 9 }, { etag: 'a' }).size, 9);
    assert.equal(begun({ total: 9 }, { size: 0, etag: 'a' }).size, 9, 'a listing without sizes says 0');
  });

  test('and not in ranges where these could be of other bytes', () => {
    assert.equal(begun().isRangeable, true);
    assert.equal(begun({ etag: undefined }).isRangeable, false);
    assert.equal(begun({ total: undefined }).isRangeable, false);
    assert.equal(begun({ contentEncoding: 'gzip' }).isRangeable, false);
  });

  test('bytes that were packed or unpacked on the way are told by a length that is another one, or none', () => {
    assert.equal(pinOf().seemsTranscoded(answerOf({ contentEncoding: 'gzip', total: 5 })), true);
    assert.equal(pinOf().seemsTranscoded(answerOf({ contentEncoding: 'gzip', total: undefined })), true);
    assert.equal(pinOf().seemsTranscoded(answerOf({ contentEncoding: 'gzip' })), false);
    assert.equal(pinOf().seemsTranscoded(answerOf({ total: 5 })), false);
  });
});

describe('the rest of an object is of the same version', () => {
  const rest = { start: 4, status: 206 };

  test('by its ETag, or by a time that would be another one', () => {
    begun().resume(answerOf(rest), 4);
    begun().resume(answerOf({ ...rest, start: 3 }), 4);
    begun({ etag: undefined }).resume(answerOf({ ...rest, etag: undefined }), 4);
  });

  test('and where that is not certain it is refused', () => {
    const untagged = { etag: undefined };
    for (const [first, other] of [
      [{}, { etag: '"b"' }],
      [{}, { total: 8 }],
      [{}, { contentEncoding: 'gzip' }],
      [{}, { start: 5 }],
      [{}, { start: undefined }],
      [untagged, { ...untagged, lastModified: TIME + 1_000 }],
      [{ ...untagged, isLastModifiedStrong: false }, untagged],
    ] as const)
      assert.throws(() => begun(first).resume(answerOf({ ...rest, ...other }), 4), JSON.stringify(other));
  });
});

describe('bytes are held against', () => {
  const bytes = Buffer.from('{"id":1}\n');
  const md5 = createHash('md5').update(bytes).digest('base64');
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  /** CRC-32C of the bytes, by its definition (RFC 3720, B.4). */
  const crc32c = () => {
    let remainder = 0xffffffff;
    for (const byte of bytes) {
      remainder ^= byte;
      for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0);
    }
    const out = Buffer.alloc(4);
    out.writeUInt32BE((remainder ^ 0xffffffff) >>> 0);
    return out.toString('base64');
  };
  const received = (headers: Record<string, string>, ...chunks: Buffer[]) => {
    const pin = begun({ headers });
    const all = new ReceivedBytes('s3://b/k', pin);
    all.begin(answerOf({ headers }));
    for (const chunk of chunks) all.take(chunk);
    return all;
  };
  const damaged = Buffer.from('{"id":2}\n');

  for (const [header, value] of [
    ['x-amz-checksum-crc32', sum.toString('base64')],
    ['x-amz-checksum-sha256', createHash('sha256').update(bytes).digest('base64')],
    ['x-amz-checksum-crc32c', crc32c()],
    ['x-goog-hash', `crc32c=${crc32c()}`],
    ['x-goog-hash', `crc32c=AAAAAA==, md5=${md5}`],
    ['content-md5', md5],
  ] as const)
    test(`${header}: ${value}`, async () => {
      await received({ [header]: value }, bytes.subarray(0, 4), bytes.subarray(4)).verify();
      const wrong = received({ [header]: value }, damaged);
      await assert.rejects(wrong.verify());
      assert.ok(wrong.damage !== undefined);
    });

  test('their number', () => {
    assert.throws(() => received({}, bytes, Buffer.from('\n')));
    assert.equal(received({}, bytes.subarray(4)).left, 4);
    assert.throws(() => new ReceivedBytes('s3://b/k', pinOf({ etag: 'a' })).take(bytes));
  });

  test('but not against what says nothing of them as a whole', () => {
    const crc = 'x-amz-checksum-crc32';
    assert.equal(received({ [crc]: 'AAAAAA==', 'x-amz-checksum-type': 'composite' }).isToVerify, false);
    assert.equal(received({ [crc]: 'AAAAAA==-3' }).isToVerify, false);
  });

  test('and what can be none is refused by name', () => {
    assert.throws(() => received({ 'content-md5': 'no digest' }), /its content-md5 is "no digest"/);
  });
});
