import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import pg from 'pg';
import { startBlackhole } from '../support/blackhole.ts';
import { ndjson, ndjsonGzip, patients } from '../support/ndjson.ts';
import type { S3Fault } from '../support/s3-fault.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const proxy = await S3FaultProxy.start({ after }, server.s3);

/** Resources that gzip can do little about, `bytes` each. */
const bulky = (count: number, prefix: string, bytes = 300) =>
  Array.from({ length: count }, (_, n) => ({
    resourceType: 'Patient',
    id: `${prefix}-${n + 1}`,
    text: randomBytes(bytes / 2).toString('hex'),
  }));
const load = (bucket: string, params: object = {}) => server.load(bucket, { account: proxy.account, ...params });
/** Rows whose id begins so, and the transactions that wrote them. */
const rowsOf = async (prefix: string) => {
  const [row] = await server.sql<{ rows: number; ids: number; txids: number; transactions: number }>(
    `select count(*)::int as rows, count(distinct id)::int as ids, count(distinct txid)::int as txids,
            count(distinct xmin::text)::int as transactions
       from patient where starts_with(id, $1)`,
    [`${prefix}-`],
  );
  return row;
};
/** The n-th read of an object meets the n-th of its faults. */
const faultsOf = (faults: Readonly<Record<string, readonly (S3Fault | undefined)[]>>) => {
  proxy.rule = ({ method, key, nth }) => (method === 'GET' ? faults[key]?.[nth - 1] : undefined);
};

beforeEach(() => {
  proxy.rule = () => undefined;
  proxy.requests.length = 0;
});

test('a connection that is too slow: the rest comes in ranges, of which some fail, in one transaction and one attempt', async () => {
  const key = 'slow/Patient.ndjson.gz';
  const bucket = await server.bucketOf({ [key]: bulky(60_000, 'thin', 700) });
  const isRange = (range: string | undefined) => /^bytes=\d+-\d+$/.test(range ?? '');
  const ranges = () => proxy.readsOf(key).filter(({ range }) => isRange(range)).length;
  const later: (S3Fault | undefined)[] = [{ kind: 'reset', afterBytes: 100_000 }, undefined, { kind: 'ignore-range' }];
  proxy.rule = ({ method, key: read, range }) => {
    if (method !== 'GET' || read !== key) return undefined;
    if (!isRange(range)) return { kind: 'trickle', chunkBytes: 65_536, everyMs: 20 };
    // The second is asked for once the first has begun to come. The body then comes as fast as it can.
    if (ranges() < 2) return undefined;
    proxy.rule = (seen) => (seen.key === key && isRange(seen.range) ? later.shift() : undefined);
    return undefined;
  };
  assert.deepEqual(await load(bucket, { 'thread-num': 1 }), { state: 'completed', progress: { total: 1, done: 1 } });
  assert.deepEqual(await rowsOf('thin'), { rows: 60_000, ids: 60_000, txids: 1, transactions: 1 });
  assert.ok(ranges() >= 2, `${ranges()} ranges`);
  assert.equal(proxy.readsOf(key).filter(({ range }) => range === undefined).length, 1);
});

describe('a body that breaks off', () => {
  for (const kind of ['reset', 'truncate', 'end-early'] as const) {
    test(`${kind}: the running COPY goes on, in one transaction and one attempt`, async () => {
      const key = `${kind}/Patient.ndjson.gz`;
      const bucket = await server.bucketOf({ [key]: bulky(20_000, kind) });
      faultsOf({ [key]: [300_000, 1, 700_000, 1_000_000].map((afterBytes) => ({ kind, afterBytes })) });
      assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
      assert.deepEqual(await rowsOf(kind), { rows: 20_000, ids: 20_000, txids: 1, transactions: 1 });
      assert.equal((await server.loaderFile(bucket, key)).loaded, 20_000);
      const [first, ...resumes] = proxy.readsOf(key);
      assert.equal(first?.range, undefined);
      assert.ok(resumes.length >= 3, `${resumes.length} resumes`);
      for (const { range, ifMatch } of resumes) {
        // A second attempt at the file would begin without a range.
        assert.match(range ?? '', /^bytes=\d+-$/);
        assert.equal(ifMatch, first?.ifMatch);
      }
    });
  }

  test('of zstd in several frames: the decompressor goes on where it was', async () => {
    const key = 'zstd/Patient.ndjson.zst';
    const frames = [1, 2, 3].map((n) => zstdCompressSync(ndjson(bulky(5_000, `zstd-${n}`))));
    const bucket = await server.bucketOf({ [key]: Buffer.concat(frames) });
    const kinds = ['reset', 'truncate', 'end-early'] as const;
    const inSecond = (frames[0]?.length ?? 0) + 1;
    faultsOf({ [key]: kinds.map((kind, n) => ({ kind, afterBytes: n === 0 ? inSecond : 200_000 })) });
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await rowsOf('zstd'), { rows: 15_000, ids: 15_000, txids: 1, transactions: 1 });
    assert.ok(proxy.readsOf(key).length > 1);
  });

  test('with a store that ignores Range', async () => {
    const key = 'ignore/Patient.ndjson.gz';
    const bucket = await server.bucketOf({ [key]: bulky(5_000, 'ignore') });
    faultsOf({ [key]: [{ kind: 'truncate', afterBytes: 400_000 }, { kind: 'ignore-range' }] });
    await load(bucket);
    assert.deepEqual(await rowsOf('ignore'), { rows: 5_000, ids: 5_000, txids: 1, transactions: 1 });
  });
});

test('one bad file never stops another: each ends in done or in an error of its own', async () => {
  const error = (status: number, code: string): S3Fault => ({ kind: 'error', status, code });
  const always = (fault: S3Fault) => Array.from({ length: 100 }, () => fault);
  const content = (name: string) => bulky(300, `bad-${name}`);
  const bucket = await server.bucketOf({
    'Patient-forbidden.ndjson.gz': content('forbidden'),
    'Patient-expired.ndjson.gz': content('expired'),
    'Patient-gone.ndjson.gz': content('gone'),
    'Patient-broken.ndjson.gz': content('broken'),
    'Patient-stalled.ndjson.gz': content('stalled'),
    'Patient-silent.ndjson.gz': content('silent'),
    'Patient-burst.ndjson.gz': content('burst'),
    'Patient-replaced.ndjson.gz': content('replaced'),
    'Patient-cut.ndjson.gz': ndjsonGzip(content('cut')).subarray(0, 20_000),
    'Patient-members.ndjson.gz': Buffer.concat([1, 2, 3].map((n) => ndjsonGzip(bulky(100, `bad-members-${n}`)))),
    'Patient-empty.ndjson.gz': '',
    'Patient-empty-gzip.ndjson.gz': gzipSync(''),
    'Patient-good.ndjson.gz': content('good'),
  });
  faultsOf({
    'Patient-forbidden.ndjson.gz': always(error(403, 'AccessDenied')),
    'Patient-expired.ndjson.gz': always(error(400, 'ExpiredToken')),
    'Patient-gone.ndjson.gz': always(error(404, 'NoSuchKey')),
    'Patient-broken.ndjson.gz': always(error(500, 'InternalError')),
    'Patient-stalled.ndjson.gz': always({ kind: 'stall', afterBytes: 5_000 }),
    'Patient-silent.ndjson.gz': always({ kind: 'no-answer' }),
    'Patient-burst.ndjson.gz': [error(503, 'SlowDown'), error(500, 'InternalError'), error(503, 'SlowDown')],
    'Patient-replaced.ndjson.gz': [
      { kind: 'reset', afterBytes: 10_000 },
      {
        kind: 'first',
        run: () => server.s3.putObject(bucket, 'Patient-replaced.ndjson.gz', ndjsonGzip(patients(7, 'bad-new'))),
      },
    ],
  });
  const status = await load(bucket, { 'read-timeout': 3_000 });
  assert.deepEqual(status, { state: 'completed', progress: { total: 13, done: 5, error: 8 } });

  const expected = {
    forbidden: ['aws', 'AccessDenied', /s3:GetObject/],
    expired: ['aws', 'ExpiredToken', /call again with fresh ones/],
    gone: ['aws', 'NoSuchKey', /does not exist/],
    broken: ['aws', 'InternalError', /InternalError/],
    stalled: ['aws', 'ReadTimeout', /no bytes arrived for 3000 ms .* after 5000 bytes/],
    silent: ['aws', 'ReadTimeout', /no bytes arrived for 3000 ms/],
    replaced: ['aws', 'PreconditionFailed', /replaced after it was listed/],
    cut: ['aidbox', 'bad-gzip', /cut short/],
  } as const;
  for (const [name, [source, code, message]] of Object.entries(expected)) {
    const file = await server.loaderFile(bucket, `Patient-${name}.ndjson.gz`);
    assert.deepEqual(file.error, { source, code }, name);
    assert.match(file.message ?? '', message);
    assert.equal((await rowsOf(`bad-${name}`))?.rows, 0, name);
  }
  for (const [name, rows] of Object.entries({ burst: 300, members: 300, empty: 0, 'empty-gzip': 0, good: 300 })) {
    const file = await server.loaderFile(bucket, `Patient-${name}.ndjson.gz`);
    assert.deepEqual([file.status, file.loaded], ['done', rows], name);
    assert.equal((await rowsOf(`bad-${name}`))?.rows, rows, name);
  }

  // Once the store is well again, the same call finishes the rest, with the replaced object as it is by now.
  proxy.rule = () => undefined;
  const { body } = await server.rpc('aidbox.bulk/load-from-bucket-retry', {
    bucket: `s3://${bucket}`,
    prefixes: Object.keys(expected).map((name) => `Patient-${name}`),
  });
  assert.equal((body.result as Record<string, unknown>)['retried-files-count'], 8);
  assert.deepEqual((await load(bucket)).progress, { total: 13, done: 12, error: 1 });
  assert.equal((await rowsOf('bad-new'))?.rows, 7);
  assert.equal((await rowsOf('bad-replaced'))?.rows, 0);
});

test('a Postgres slower than read-timeout is no stall', async (t) => {
  const bucket = await server.bucketOf({ 'slow/Patient.ndjson': bulky(40_000, 'slow', 600) });
  const blocker = new pg.Client(server.database.connection);
  await blocker.connect();
  t.after(() => blocker.end());
  await server.load(await server.bucketOf({ 'Patient.ndjson.gz': patients(1, 'slow-table') }));
  // COPY has streamed a hundred rows when it meets this id, and has to wait for what becomes of it.
  await blocker.query(
    `begin; insert into patient (id, txid, status, resource) values ('slow-100', 0, 'created', '{}')`,
  );
  const { status } = await server.startLoad(bucket, {
    account: proxy.account,
    // The store, which is to answer within it, has a tenth of its share of a machine that others use.
    'read-timeout': 5_000,
    'thread-num': 1,
  });
  assert.equal(status, 200);
  // The COPY, which waits for the other transaction.
  await server.waitForLock();
  await delay(5_500);
  await blocker.query('rollback');
  assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
  assert.deepEqual(await rowsOf('slow'), { rows: 40_001, ids: 40_001, txids: 2, transactions: 2 });
  assert.equal(proxy.readsOf('slow/Patient.ndjson').length, 1);
});

test('files that fail early leave no connection to the store behind', async () => {
  const files = Array.from({ length: 30 }, (_, n) => [
    `leak/Patient-${n}.ndjson`,
    `oops\n${bulky(3_000, `leak-${n}`)
      .map((each) => JSON.stringify(each))
      .join('\n')}`,
  ]);
  const bucket = await server.bucketOf(Object.fromEntries(files));
  assert.deepEqual((await load(bucket, { 'thread-num': 6 })).progress, { total: 30, error: 30 });
  // What stays is at most an idle connection for each file that was read at once.
  await waitFor(() => proxy.openSockets <= 8, { what: 'the close of connections with unread bodies' });
});

test('connect-timeout ends a listing too', async (t) => {
  const bucket = await server.bucketOf({});
  const host = `http://127.0.0.1:${await startBlackhole(t)}`;
  const { status, body } = await server.startLoad(bucket, {
    account: { ...proxy.account, host },
    'connect-timeout': 300,
  });
  assert.equal(status, 422);
  assert.equal(body.error?.code, 'ConnectTimeout');
  assert.match(body.error?.message ?? '', /no connection to 127\.0\.0\.1 within connect-timeout/);
});
