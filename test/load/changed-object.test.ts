import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isChanged } from '../../src/load/changed-object.ts';

const at = (iso: string) => new Date(iso);
const listed = {
  key: 'Patient.ndjson',
  type: 'Patient',
  size: 10,
  etag: '"a"',
  lastModified: at('2026-01-02T03:04:05.000Z'),
};
const stored = {
  id: 'x',
  key: 'Patient.ndjson',
  status: 'done',
  errorCode: null,
  size: 10,
  etag: '"a"',
  lastModified: '2026-01-02T03:04:05.000Z',
  txid: '1',
};

for (const [what, change, kept, expected] of [
  ['the same object', {}, {}, false],
  ['another ETag', { etag: '"b"' }, {}, true],
  ['another size under one ETag', { size: 11 }, {}, true],
  ['another time under one ETag, as after a copy onto itself', { lastModified: at('2026-01-09T00:00:00Z') }, {}, false],
  ['an ETag without quotes, or marked weak', { etag: 'W/"a"' }, { etag: 'a' }, false],
  ['no ETag stored, the same time', {}, { etag: null }, false],
  ['no ETag stored, a later time', { lastModified: at('2026-01-02T03:04:05.001Z') }, { etag: null }, true],
  ['no ETag stored, an earlier time', { lastModified: at('2025-01-02T03:04:05Z') }, { etag: null }, true],
  ['no ETag listed, another time', { etag: undefined, lastModified: at('2026-01-09T00:00:00Z') }, {}, true],
  ['a time of another spelling', { etag: undefined }, { etag: null, lastModified: '2026-01-02T04:04:05+01:00' }, false],
  [
    'a time without a zone',
    { lastModified: at('2026-01-09T00:00:00Z') },
    { etag: null, lastModified: '2026-01-02 03:04' },
    false,
  ],
  [
    'nothing known but the size',
    { etag: undefined, lastModified: undefined },
    { etag: null, lastModified: null },
    false,
  ],
  ['a failed file, the same object', {}, { status: 'error', errorCode: 'AccessDenied' }, false],
  ['a failed file, the object gone then', {}, { status: 'error', errorCode: 'NoSuchKey' }, true],
  ['a failed file, that of a folder gone then', {}, { status: 'error', errorCode: 'no-such-file' }, true],
  [
    'a failed file, the same bytes written again',
    { lastModified: at('2026-01-09T00:00:00Z') },
    { status: 'error', errorCode: 'PreconditionFailed' },
    true,
  ],
  ['nothing known', { etag: undefined, lastModified: undefined, size: undefined }, {}, false],
] as const) {
  test(`${what}: ${expected ? 'changed' : 'not changed'}`, () => {
    assert.equal(isChanged({ ...listed, ...change }, { ...stored, ...kept }), expected);
  });
}
