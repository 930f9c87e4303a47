import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ndjson } from '../support/ndjson.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const reload = { 'upsert?': true, 'reload-changed?': true };
const KEY = 'Patient-1.ndjson';

const version = (id: string, city: string) => ndjson([{ id, address: [{ city }] }]);
const cityOf = async (id: string, of: TestServer = server) =>
  (await of.sql<{ city: string }>(`select resource #>> '{address,0,city}' as city from patient where id = $1`, [id]))[0]
    ?.city;
type Answer = {
  message: string;
  progress: { total: number };
  'new-files-count': number;
  'changed-files-count'?: number;
};
const call = async (bucket: string, params: object = reload, on: TestServer = server) => {
  const { status, body } = await on.startLoad(bucket, params);
  assert.equal(status, 200, JSON.stringify(body));
  return body.result as Answer;
};
const stored = async (bucket: string, key = KEY, on: TestServer = server) =>
  (await on.loaderFile(bucket, key)) as Awaited<ReturnType<TestServer['loaderFile']>> & {
    etag?: string;
    previous?: { etag?: string; loaded?: number; status?: string; start?: string; size?: number; previous?: unknown };
  };

describe('reload-changed?', () => {
  test('loads an object again that was replaced, keeps what it was under previous, and leaves the others alone', async () => {
    const bucket = await server.bucketOf({ [KEY]: version('c-1', 'Bern'), 'Patient-2.ndjson': version('c-2', 'Rom') });
    await server.load(bucket);
    const before = await stored(bucket);
    const other = await stored(bucket, 'Patient-2.ndjson');
    await server.s3.putObject(bucket, KEY, version('c-1', 'Wien'));
    await server.s3.putObject(bucket, 'Patient-3.ndjson', version('c-3', 'Graz'));

    const told =
      '1 object has changed since it was loaded, and is passed over; call with upsert? and reload-changed? to load it.';
    const dry = (await call(bucket, { 'upsert?': true, 'dry-run?': true })) as Answer & { 'dry-run'?: unknown };
    assert.equal(dry.message.includes(told), true, dry.message);
    const without = await call(bucket, { 'upsert?': true });
    assert.deepEqual(without, {
      message: `Upload from bucket <s3://${bucket}> started. 1 new files added. ${told}`,
      progress: { total: 3 },
      'new-files-count': 1,
      'passed-over-files-count': 1,
    });
    const kept = { state: 'completed', progress: { total: 3, done: 3 }, 'passed-over-files-count': 1, message: told };
    assert.deepEqual(await server.ended(bucket), kept);
    assert.equal(await cityOf('c-1'), 'Bern');
    await server.s3.putObject(bucket, 'Patient-4.ndjson', version('c-4', 'Linz'));

    const answer = await call(bucket);
    assert.deepEqual(answer, {
      message: `Upload from bucket <s3://${bucket}> started. 1 new files added. 1 changed file queued again.`,
      progress: { total: 4 },
      'new-files-count': 1,
      'changed-files-count': 1,
    });
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 4, done: 4 } });
    assert.equal(await cityOf('c-1'), 'Wien');
    const { previous, etag, ...now } = await stored(bucket);
    assert.notEqual(etag, before.etag);
    assert.deepEqual([now.status, now.loaded], ['done', 1]);
    const { bucket: _, file: __, type: ___, ...figures } = before;
    assert.deepEqual(previous, figures);
    assert.deepEqual(await stored(bucket, 'Patient-2.ndjson'), other);

    assert.equal((await call(bucket))['changed-files-count'], 0);
    await server.ended(bucket);
  });

  test('is refused without upsert?, by name', async () => {
    const { status, body } = await server.startLoad('any', { 'reload-changed?': true });
    assert.equal(status, 422);
    assert.deepEqual(
      body.error?.errors?.map(({ path, message }) => [path, message]),
      [['reload-changed?', 'needs upsert?: the resources of a file that was loaded before exist']],
    );
  });

  test('a failed file whose object was mended is tried again; one that was not is left alone', async () => {
    const bucket = await server.bucketOf({ [KEY]: 'oops', 'Patient-2.ndjson': 'oops' });
    assert.deepEqual((await server.load(bucket)).progress, { total: 2, error: 2 });
    await server.s3.putObject(bucket, KEY, version('m-1', 'Bern'));
    assert.equal((await call(bucket))['changed-files-count'], 1);
    assert.deepEqual((await server.ended(bucket)).progress, { total: 2, done: 1, error: 1 });
    // Nothing of it was ever loaded.
    assert.equal((await stored(bucket)).previous, undefined);
  });

  for (const code of ['NoSuchKey', 'AccessDenied', 'InvalidObjectState', 'NoSuchBucket']) {
    const isGone = code.startsWith('NoSuch');
    test(`a file that failed with ${code}, listed once more with the same bytes, is ${isGone ? 'loaded' : 'left to a retry'}`, async (t) => {
      const proxy = await S3FaultProxy.start(t, server.s3);
      const bucket = await server.bucketOf({ [KEY]: version(`back-${code}`, 'Bern') });
      proxy.rule = ({ key }) => (key === KEY ? { kind: 'error', status: isGone ? 404 : 403, code } : undefined);
      const failed = await server.load(bucket, { account: proxy.account });
      assert.deepEqual(failed.progress, { total: 1, error: 1 });
      assert.deepEqual((await stored(bucket)).error, { source: 'aws', code: isGone ? 'NoSuchKey' : code });
      assert.equal((await call(bucket))['changed-files-count'], isGone ? 1 : 0);
      await server.ended(bucket);
      if (!isGone) {
        assert.equal((await stored(bucket)).status, 'error');
        await server.rpc('aidbox.bulk/load-from-bucket-retry', { bucket: `s3://${bucket}`, codes: [code] });
        await call(bucket, {});
        await server.ended(bucket);
      }
      assert.deepEqual([(await stored(bucket)).status, await cityOf(`back-${code}`)], ['done', 'Bern']);
    });
  }

  test('previous is what is in the table: a version that failed does not take its place', async () => {
    const bucket = await server.bucketOf({ [KEY]: version('p-1', 'Bern') });
    await server.load(bucket);
    const { etag } = await stored(bucket);
    await server.s3.putObject(bucket, KEY, 'oops');
    await server.load(bucket, reload);
    assert.deepEqual([(await stored(bucket)).status, (await stored(bucket)).previous?.etag], ['error', etag]);
    assert.equal(await cityOf('p-1'), 'Bern');
    await server.s3.putObject(bucket, KEY, version('p-1', 'Wien'));
    await server.load(bucket, reload);
    const { status, previous } = await stored(bucket);
    assert.deepEqual([status, previous?.etag, previous?.previous], ['done', etag, undefined]);
    assert.equal(await cityOf('p-1'), 'Wien');
  });

  test('LoaderFiles without an ETag are compared by size and time', async () => {
    const bucket = await server.bucketOf({ [KEY]: version('e-1', 'Bern'), 'Patient-2.ndjson': version('e-2', 'Bern') });
    await server.load(bucket);
    await server.sql(`update loaderfile set resource = resource - 'etag' where resource ->> 'bucket' = $1`, [
      `s3://${bucket}`,
    ]);
    assert.equal((await call(bucket))['changed-files-count'], 0);
    await server.ended(bucket);
    const was = (await stored(bucket))['last-modified'];
    await waitFor(
      async () => {
        await server.s3.putObject(bucket, KEY, version('e-1', 'Wien'));
        const dry = await server.startLoad(bucket, { ...reload, 'dry-run?': true });
        return (dry.body.result as Answer)['changed-files-count'] === 1;
      },
      { what: `a time of the object after ${was}` },
    );
    assert.equal((await call(bucket))['changed-files-count'], 1);
    await server.ended(bucket);
    assert.equal(await cityOf('e-1'), 'Wien');
    assert.equal((await stored(bucket)).etag?.startsWith('"'), true);
  });

  test('LoaderFiles that Aidbox wrote are compared too', async () => {
    const bucket = await server.bucketOf({ [KEY]: version('f-1', 'Bern'), 'Patient-2.ndjson': version('f-2', 'Bern') });
    const size = Buffer.byteLength(version('f-1', 'Bern'));
    for (const [id, file, bytes] of [
      ['foreign-1', KEY, size + 1],
      ['foreign-2', 'Patient-2.ndjson', size],
    ] as const) {
      await server.sql(`insert into loaderfile (id, txid, status, resource) values ($1, 1, 'created', $2)`, [
        id,
        { bucket: `s3://${bucket}`, file, type: 'Patient', size: bytes, status: 'done', 'last-modified': 'yesterday' },
      ]);
    }
    const answer = await call(bucket);
    assert.deepEqual([answer['new-files-count'], answer['changed-files-count']], [0, 1]);
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
    assert.deepEqual([await cityOf('f-1'), await cityOf('f-2')], ['Bern', undefined]);
  });

  test('a changed file under load counts as in progress; replaced once more meanwhile, the next call loads it', async (t) => {
    const bucket = await server.bucketOf({ [KEY]: version('g-1', 'Bern') });
    await server.load(bucket);
    await server.s3.putObject(bucket, KEY, version('g-1', 'Wien'));
    const gate = await server.gate(t, 'patient');
    await call(bucket);
    await gate.reached();
    const status = async () =>
      (await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` })).body.result;
    assert.deepEqual(await status(), { state: 'in-progress', progress: { total: 1, 'in-progress': 1 } });
    await server.s3.putObject(bucket, KEY, version('g-1', 'Graz'));
    assert.equal((await call(bucket))['changed-files-count'], 0);
    await gate.open();
    await server.ended(bucket);
    assert.equal(await cityOf('g-1'), 'Wien');
    assert.equal((await call(bucket))['changed-files-count'], 1);
    await server.ended(bucket);
    assert.equal(await cityOf('g-1'), 'Graz');
  });

  test('a listing that is older than the version loaded since takes nothing back', async (t) => {
    const proxy = await S3FaultProxy.start(t, server.s3);
    const bucket = await server.bucketOf({ 'a/Patient.ndjson': version('s-1', 'Bern'), 'b/readme': '' });
    await server.load(bucket);
    const listed = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    proxy.rule = ({ prefix }) => {
      if (prefix !== 'b/') return undefined;
      listed.resolve();
      return { kind: 'first', run: () => held.promise };
    };
    const old = call(bucket, { ...reload, prefixes: ['a/', 'b/'], account: proxy.account });
    await listed.promise;
    // Both are listed at the same time: the other one's answer is the old listing.
    await waitFor(() => proxy.answered.some(({ prefix }) => prefix === 'a/'), { what: 'the other listing' });
    await server.s3.putObject(bucket, 'a/Patient.ndjson', version('s-1', 'Wien'));
    assert.equal((await call(bucket))['changed-files-count'], 1);
    await server.ended(bucket);
    held.resolve();
    const answer = await old;
    assert.equal(answer['changed-files-count'], 0);
    assert.match(answer.message, /1 file loaded by another call meanwhile; call again to compare/);
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.equal(await cityOf('s-1'), 'Wien');
  });

  test('two calls at once, on two replicas, load it once', async (t) => {
    const replica = await startTestServer(t, { database: server.database, s3: server.s3 });
    const bucket = await server.bucketOf({ [KEY]: version('t-1', 'Bern') });
    await server.load(bucket);
    await server.s3.putObject(bucket, KEY, version('t-1', 'Wien'));
    const answers = await Promise.all([call(bucket), call(bucket, reload, replica)]);
    const total = answers.reduce((sum, answer) => sum + (answer['changed-files-count'] ?? 0), 0);
    assert.equal(total, 1);
    await server.ended(bucket);
    assert.equal(await cityOf('t-1'), 'Wien');
    assert.equal((await stored(bucket)).previous?.loaded, 1);
  });

  test('a replica that dies between queue and load: the next call loads it', async (t) => {
    const replica = await startTestServer(t, { database: server.database, s3: server.s3 });
    const bucket = await server.bucketOf({ [KEY]: version('d-1', 'Bern') });
    await replica.load(bucket);
    const { etag } = await stored(bucket);
    await server.s3.putObject(bucket, KEY, version('d-1', 'Wien'));
    const gate = await server.gate(t, 'patient');
    await call(bucket, reload, replica);
    await gate.reached();
    await replica.stop();
    await gate.open();
    const interrupted = await server.ended(bucket);
    assert.deepEqual([interrupted.state, await cityOf('d-1')], ['interrupted', 'Bern']);
    assert.equal((await call(bucket))['changed-files-count'], 0);
    assert.deepEqual((await server.ended(bucket)).progress, { total: 1, done: 1 });
    assert.deepEqual([await cityOf('d-1'), (await stored(bucket)).previous?.etag], ['Wien', etag]);
  });

  test('a dry run names it', async () => {
    const bucket = await server.bucketOf({ [KEY]: version('n-1', 'Bern') });
    await server.load(bucket);
    await server.s3.putObject(bucket, KEY, version('n-1', 'Wien'));
    const { body } = await server.startLoad(bucket, { ...reload, 'dry-run?': true });
    const result = body.result as Answer & { 'dry-run': { files: object; 'first-files': { status: string }[] } };
    assert.deepEqual(result['dry-run'].files, { changed: 1 });
    assert.equal(result['dry-run']['first-files'][0]?.status, 'changed');
    assert.match(result.message, /0 new files; 1 changed file; 1 file would be loaded\./);
    assert.equal((await stored(bucket)).status, 'done');
  });
});
