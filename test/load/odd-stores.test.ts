import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, type TestContext, test } from 'node:test';
import { crc32, zstdCompressSync } from 'node:zlib';
import { loaderFileId } from '../../src/store/loader-file/loader-file.ts';
import { ndjson, ndjsonGzip, patients } from '../support/ndjson.ts';
import { OddS3Server } from '../support/odd-s3-server.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

let buckets = 0;
const setUp = async (t: TestContext) => {
  const store = await OddS3Server.start(t);
  const bucket = `odd-${++buckets}`;
  const load = () => server.load(bucket, { account: store.account });
  const rows = async (prefix: string) =>
    (await server.sql<{ id: string }>('select id from patient where starts_with(id, $1)', [prefix])).length;
  return { store, bucket, load, rows };
};
const done = (total: number) => ({ state: 'completed', progress: { total, done: total } });

test('bytes that differ from the store’s checksum never become rows; the file is read anew, then fails', async (t) => {
  const { store, bucket, load, rows } = await setUp(t);
  const right = Buffer.from(ndjson(patients(1000, 'crc')));
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(right));
  const headers = { 'x-amz-checksum-crc32': sum.toString('base64') };
  const wrong = Buffer.from(right.toString().replace('"crc-500"', '"crc-5OO"'));
  store.put('once/Patient.ndjson', right, { headers });
  store.onGet = (answer, { nth }) => (nth === 1 ? { ...answer, body: wrong } : undefined);
  assert.deepEqual(await load(), done(1));
  assert.equal(await rows('crc-'), 1000);
  assert.deepEqual(await server.sql(`select from patient where id = 'crc-5OO'`), []);
  assert.equal(store.requestsOf('once/Patient.ndjson').length, 2);

  await server.sql(`delete from patient where starts_with(id, 'crc-')`);
  store.put('always/Patient.ndjson', right, { headers });
  store.onGet = (answer, { object }) => (object.key.startsWith('always/') ? { ...answer, body: wrong } : undefined);
  assert.deepEqual(await load(), { state: 'completed', progress: { total: 2, done: 1, error: 1 } });
  const file = await server.loaderFile(bucket, 'always/Patient.ndjson');
  assert.deepEqual(file.error, { source: 'aws', code: 'ChecksumMismatch' });
  assert.equal(await rows('crc-'), 0);
});

describe('damage on the way is not the file’s error: the checksum tells, and the object is read anew', () => {
  const lines = Array.from({ length: 20_000 }, (_, n) => ({ id: `damaged-${n}`, text: randomUUID() }));
  const plain = ndjson(lines);
  for (const [what, key, right, damageAt, mask] of [
    ['gzip', 'Patient.ndjson.gz', ndjsonGzip(lines), 20_000, 0x55],
    ['zstd', 'Patient.ndjson.zst', zstdCompressSync(plain), 20_000, 0x55],
    ['the mark of gzip', 'Patient.ndjson.gz', ndjsonGzip(lines), 0, 0x55],
    ['a brace', 'Patient.ndjson', Buffer.from(plain), 0, 0x55],
    ['JSON that Postgres refuses', 'Patient.ndjson', Buffer.from(plain), plain.indexOf('"text"', 5000), 0x55],
    ['an id that becomes another’s', 'Patient.ndjson', Buffer.from(plain), plain.indexOf('damaged-104"') + 10, 0x01],
  ] as const)
    test(what, async (t) => {
      const { store, load, rows } = await setUp(t);
      await server.sql(`delete from patient where starts_with(id, 'damaged-')`);
      const headers = { 'x-amz-checksum-sha256': createHash('sha256').update(right).digest('base64') };
      store.put(key, right, { headers });
      const wrong = Buffer.from(right);
      wrong[damageAt] = (wrong[damageAt] ?? 0) ^ mask;
      let whole = 0;
      store.onGet = (answer, { from }) => {
        if (from === undefined) whole++;
        return whole === 1 ? { ...answer, body: wrong.subarray(from ?? 0) } : undefined;
      };
      assert.deepEqual(await load(), done(1));
      assert.equal(await rows('damaged-'), lines.length);
      assert.equal(whole, 2);
    });

  test('content that is bad by itself is blamed at once', async (t) => {
    const { store, bucket, load } = await setUp(t);
    const body = `oops\n${ndjson(lines)}`;
    const headers = { 'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64') };
    store.put('Patient.ndjson', body, { headers });
    assert.deepEqual(await load(), { state: 'completed', progress: { total: 1, error: 1 } });
    assert.equal((await server.loaderFile(bucket, 'Patient.ndjson')).error?.code, 'not-json');
    assert.equal(store.requestsOf('Patient.ndjson').filter(({ headers: { range } }) => range === undefined).length, 1);
  });
});

test('more objects than a page, at a store that ignores list-type=2: all are queued', async (t) => {
  const { store, load, rows } = await setUp(t);
  store.knowsListV2 = false;
  store.pageSize = 10;
  for (let n = 0; n < 25; n++) store.put(`Patient-${n}.ndjson`, ndjson(patients(1, `v1-${n}`)));
  assert.deepEqual(await load(), done(25));
  assert.equal(await rows('v1-'), 25);
});

describe('a listing that lacks something', () => {
  for (const [what, change] of [
    ['ETag', { ETag: undefined }],
    ['ETag, which is empty', { ETag: '""' }],
    ['Size', { Size: undefined }],
    ['Size, which is 0', { Size: '0' }],
    ['LastModified', { LastModified: undefined }],
    ['anything but the key', { ETag: undefined, Size: undefined, LastModified: undefined }],
  ] as const)
    test(what, async (t) => {
      const { store, load, rows } = await setUp(t);
      const prefix = `lacks-${Object.keys(change).join('-')}-${Object.values(change)[0] ?? ''}`;
      store.put('Patient.ndjson', ndjson(patients(100, prefix)));
      store.onList = ({ contents }) => {
        for (const object of contents) Object.assign(object, change);
      };
      store.onGet = (answer, { nth }) => (nth === 1 ? { ...answer, breakAfter: 1000 } : undefined);
      assert.deepEqual(await load(), done(1));
      assert.equal(await rows(prefix), 100);
      // What is missing is no news: the file is not queued again.
      assert.deepEqual(await load(), done(1));
    });
});

test('a pending LoaderFile without size, ETag and time is read all the same', async (t) => {
  const { store, bucket, load, rows } = await setUp(t);
  store.put('Patient.ndjson', ndjson(patients(10, 'bare')));
  await server.sql(
    `insert into loaderfile (id, txid, resource_type, status, resource) values ($1, 0, 'LoaderFile', 'created', $2)`,
    [
      loaderFileId(`s3://${bucket}`, 'Patient.ndjson'),
      { bucket: `s3://${bucket}`, file: 'Patient.ndjson', type: 'Patient', status: 'pending' },
    ],
  );
  store.onList = (page) => {
    page.contents = [];
  };
  assert.deepEqual(await load(), done(1));
  assert.equal(await rows('bare'), 10);
});

test('an object that was empty when listed and was replaced since is an error, not 0 rows', async (t) => {
  const { store, bucket, load } = await setUp(t);
  store.put('Patient.ndjson', '');
  store.onList = () => {
    store.onList = () => {};
    queueMicrotask(() => store.put('Patient.ndjson', ndjson(patients(1, 'grown'))));
  };
  assert.deepEqual(await load(), { state: 'completed', progress: { total: 1, error: 1 } });
  const file = await server.loaderFile(bucket, 'Patient.ndjson');
  assert.deepEqual(file.error, { source: 'aws', code: 'PreconditionFailed' });
});

test('keys with control characters are listed and loaded', async (t) => {
  const { store, load, rows } = await setUp(t);
  for (const [n, key] of ['a\u0001b/Patient.ndjson', 'a\tb/Patient.ndjson', 'a +%b/Patient.ndjson'].entries()) {
    store.put(key, ndjson(patients(1, `control-${n}`)));
  }
  assert.deepEqual(await load(), done(3));
  assert.equal(await rows('control-'), 3);
});

test('a store that says 501 to If-Match and lists no ETags is loaded', async (t) => {
  const { store, load, rows } = await setUp(t);
  store.put('Patient.ndjson', ndjson(patients(100, 'no-if-match')));
  store.onList = ({ contents }) => {
    for (const object of contents) object.ETag = undefined;
  };
  store.onGet = (answer, { headers, nth }) => {
    if (headers['if-match'] !== undefined) return { status: 501, headers: {}, body: Buffer.alloc(0) };
    return nth === 1 ? { ...answer, breakAfter: 1000 } : undefined;
  };
  assert.deepEqual(await load(), done(1));
  assert.equal(await rows('no-if-match'), 100);
});

test('session token and request payer go with every request, listings and reads', async (t) => {
  const { store, bucket, rows } = await setUp(t);
  store.put('Patient.ndjson', ndjson(patients(1, 'payer')));
  const account = { ...store.account, 'session-token': 'token' };
  assert.deepEqual(await server.load(bucket, { account, 'request-payer': 'requester' }), done(1));
  assert.equal(await rows('payer-'), 1);
  assert.equal(store.requests.length, 2);
  for (const { headers } of store.requests) {
    assert.equal(headers['x-amz-security-token'], 'token');
    assert.equal(headers['x-amz-request-payer'], 'requester');
  }
  const stored = await server.sql(`select resource from loaderfile where resource::text like '%token%'`);
  assert.deepEqual(stored, []);
});

test('a store below a path of its host', async (t) => {
  const { store, bucket, rows } = await setUp(t);
  const front = createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming;
    if (!url.startsWith('/base/')) {
      outgoing.writeHead(404).end();
      return;
    }
    request(`${store.url}${url.slice('/base'.length)}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    }).end();
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.after(() => front.close().closeAllConnections());
  store.put('Patient.ndjson', ndjson(patients(1, 'below')));
  const host = `http://127.0.0.1:${(front.address() as AddressInfo).port}/base`;
  assert.deepEqual(await server.load(bucket, { account: { ...store.account, host } }), done(1));
  assert.equal(await rows('below-'), 1);
});
