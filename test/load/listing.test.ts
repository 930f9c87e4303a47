import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, beforeEach, describe, type TestContext, test } from 'node:test';
import { patients } from '../support/ndjson.ts';
import type { S3Fault } from '../support/s3-fault.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { ServerProcess } from '../support/server-process.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const proxy = await S3FaultProxy.start({ after }, server.s3);
const { account } = proxy;

/** Every listing meets this fault, or those whose turn it is. */
const listingsMeet = (fault: S3Fault, from = 1) => {
  proxy.rule = ({ method, key, nth }) => (method === 'GET' && key === '' && nth >= from ? fault : undefined);
};
const listings = () => proxy.requests.filter(({ method, key }) => method === 'GET' && key === '');
const traces = async (bucket: string) => [
  ...(await server.sql(`select from loaderfile where resource ->> 'bucket' = $1`, [`s3://${bucket}`])),
  ...(await server.sql('select from fhir_bucket_loader.bucket_load where bucket = $1', [`s3://${bucket}`])),
];

beforeEach(() => {
  proxy.rule = () => undefined;
  proxy.requests.length = 0;
});

describe('a listing that is not answered within read-timeout ends the call, and nothing is queued', () => {
  for (const [what, fault] of [
    ['no byte', { kind: 'no-answer' }],
    ['half a page', { kind: 'stall', afterBytes: 100 }],
    ['a page byte by byte', { kind: 'trickle', chunkBytes: 1, everyMs: 100 }],
  ] as const)
    test(what, async () => {
      const bucket = await server.bucketOf({ 'Patient.ndjson': patients(1, 'silent') });
      listingsMeet(fault);
      const { status, body } = await server.startLoad(bucket, { account, 'read-timeout': 500 });
      assert.equal(status, 422);
      assert.deepEqual(body.error, {
        code: 'ReadTimeout',
        message: `ReadTimeout: the bucket's listing was not answered within 500 ms (s3://${bucket}/)`,
      });
      assert.equal(listings().length, 1);
      assert.deepEqual(await traces(bucket), []);
      await waitFor(() => proxy.openSockets === 0, { what: 'the close of the connection that was given up' });
    });

  test('after a page that came', async () => {
    const bucket = await server.bucketOf({
      'a/Patient.ndjson': patients(1, 'a'),
      'b/Patient.ndjson': patients(1, 'b'),
    });
    listingsMeet({ kind: 'no-answer' }, 2);
    const { body } = await server.startLoad(bucket, { account, 'read-timeout': 2_000, prefixes: ['a/', 'b/'] });
    assert.equal(body.error?.code, 'ReadTimeout');
    assert.equal(listings().length, 2);
    assert.deepEqual(await traces(bucket), []);
  });
});

test('a listing that is refused for the time being is asked for again', async () => {
  const bucket = await server.bucketOf({ 'Patient.ndjson': patients(1, 'again') });
  proxy.rule = ({ key, nth }) =>
    key === '' && nth === 1 ? { kind: 'error', status: 500, code: 'InternalError' } : undefined;
  assert.deepEqual(await server.load(bucket, { account, 'read-timeout': 10_000 }), {
    state: 'completed',
    progress: { total: 1, done: 1 },
  });
});

test('calls that wait for their listings hold up no other bucket and no probe, and a shutdown ends them', async (t) => {
  const own = await startTestServer(t, { s3: server.s3 });
  listingsMeet({ kind: 'no-answer' });
  const waiting = Array.from({ length: 20 }, (_, n) => own.startLoad(`silent-${n}`, { account }));
  await waitFor(() => listings().length === 20, { what: '20 listings' });

  const bucket = await own.bucketOf({ 'Patient.ndjson': patients(3, 'meanwhile') });
  assert.deepEqual(await own.load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
  assert.equal((await fetch(`${own.url}/ready`)).status, 200);
  const held = `select from pg_stat_activity
                 where datname = current_database() and state = 'idle in transaction' and pid <> pg_backend_pid()`;
  // The load that has just ended may be in one for a moment; a listing's would stay.
  await waitFor(async () => (await own.sql(held)).length === 0, { what: 'no transaction that waits' });

  await own.stop();
  // Each would end by itself too, after its time limit, but with another answer.
  for (const { status, body } of await Promise.all(waiting)) {
    assert.equal(status, 503);
    assert.match(body.error?.message ?? '', /^the server is shutting down/);
  }
});

test('SIGTERM during a listing: the call is answered, and the process ends at once', async (t) => {
  const process = await ServerProcess.start(t, { databaseUrl: server.database.url });
  listingsMeet({ kind: 'stall', afterBytes: 100 });
  const call = process.rpc('load-from-bucket', { bucket: `s3://${await server.s3.createBucket()}`, account });
  await waitFor(() => listings().length === 1, { what: 'the listing' });
  assert.deepEqual(await process.terminate(), { code: 0, signal: null });
  assert.equal((await call).status, 503);
});

describe('an answer with success that is no listing', () => {
  /** A host that gives this answer to everything, and counts how often. */
  const host = async (t: TestContext, contentType: string, body: string) => {
    const seen = { requests: 0 };
    const somebody = createServer((_request, response) => {
      seen.requests++;
      response.writeHead(200, { 'content-type': contentType }).end(body);
    }).listen(0, '127.0.0.1');
    await once(somebody, 'listening');
    t.after(() => somebody.close().closeAllConnections());
    return { seen, account: { ...account, host: `http://127.0.0.1:${(somebody.address() as AddressInfo).port}` } };
  };

  for (const [what, contentType, body] of [
    ['a console’s page', 'text/html', '<!doctype html><html><head><meta charset="utf-8"/></head><body/></html>'],
    ['a page that is no XML', 'text/html', '<html><body><br>Log in & go on'],
    ['JSON', 'application/json', '{"status":"ok"}'],
    ['nothing', 'text/plain', ''],
    ['another answer of S3', 'application/xml', '<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>'],
  ] as const)
    test(`${what}: the host is not an S3 store`, async (t) => {
      const { seen, account } = await host(t, contentType, body);
      const { status, body: answer } = await server.startLoad('some-bucket', { account });
      assert.equal(status, 422);
      assert.deepEqual(answer.error, {
        code: 'NotS3',
        message:
          'NotS3: the host is not an S3 store, or a proxy before it answered; check `account.host` (s3://some-bucket/)',
      });
      assert.equal(seen.requests, 1);
      assert.deepEqual(await traces('some-bucket'), []);
    });

  test('a listing that broke off', async (t) => {
    const { account } = await host(t, 'application/xml', '<?xml version="1.0"?><ListBucketResult><Name>some-bu');
    const { status, body } = await server.startLoad('some-bucket', { account });
    assert.equal(status, 422);
    assert.equal(body.error?.message, 'IncompleteBody: the answer broke off (s3://some-bucket/)');
  });
});

test('a call that contradicts the load in progress is refused before its listing', async (t) => {
  await server.load(await server.bucketOf({ 'Goal.ndjson': '' }));
  const { open } = await server.gate(t, 'goal');
  const bucket = await server.bucketOf({ 'Goal.ndjson': [{ id: 'g' }] });
  await server.startLoad(bucket);
  await server.waitForLock();
  const { status, body } = await server.startLoad(bucket, { account, 'upsert?': true });
  assert.equal(status, 422);
  assert.match(body.error?.message ?? '', /is being loaded with upsert\?: false/);
  assert.deepEqual(listings(), []);
  await open();
  await server.ended(bucket);
});
