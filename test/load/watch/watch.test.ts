import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ANSWERS } from '../../../src/rpc/answers.ts';
import { ndjson, patients } from '../../support/ndjson.ts';
import { S3FaultProxy } from '../../support/s3-fault-proxy.ts';
import { type LoadStatus, startTestServer, type TestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { writeSettled } from '../../support/write-settled.ts';

const root = await mkdtemp(join(tmpdir(), 'watched-'));
after(() => rm(root, { recursive: true }));
const env = { LOADER_FILE_ROOTS: root };
const server = await startTestServer({ after }, { env });
const replicaOf = (t: TestContext) => startTestServer(t, { database: server.database, s3: server.s3, env });

interface Watch {
  every: string;
  'next-listing-at': string;
  'last-listing-at': string;
  failures?: number;
  message?: string;
}
type Status = LoadStatus & { watch?: Watch; 'passed-over-files-count'?: number };

const WATCH = 'fhir-bucket-loader/watch';
const UNWATCH = 'fhir-bucket-loader/unwatch';
const STATUS = 'aidbox.bulk/load-from-bucket-status';
const CANCEL = 'aidbox.bulk/load-from-bucket-cancel';

async function call(method: string, params: object, on: Pick<TestServer, 'rpc'> = server) {
  const { status, body } = await on.rpc(method, params);
  assert.equal(status, 200, JSON.stringify(body));
  const parsed = ANSWERS[method]?.safeParse(body.result);
  assert.ok(parsed?.success, `${JSON.stringify(body.result)}: ${parsed?.error?.message}`);
  return body.result as Record<string, unknown> & { message: string };
}
const statusOf = async (bucket: string, on: Pick<TestServer, 'rpc'> = server) =>
  (await call(STATUS, { bucket }, on)) as unknown as Status;
const watchOf = async (bucket: string, on?: Pick<TestServer, 'rpc'>) => (await statusOf(bucket, on)).watch;
const doneOf = async (bucket: string, on?: Pick<TestServer, 'rpc'>) =>
  (await statusOf(bucket, on)).progress['done'] ?? 0;
const untilDone = (bucket: string, files: number, on?: Pick<TestServer, 'rpc'>) =>
  waitFor(async () => (await doneOf(bucket, on)) === files, { what: `${files} files of ${bucket}` });
/** Waits for two listings: the second one began after now. */
async function untilListedAgain(bucket: string) {
  for (let n = 0; n < 2; n++) {
    const before = (await watchOf(bucket))?.['last-listing-at'];
    await waitFor(async () => (await watchOf(bucket))?.['last-listing-at'] !== before, { what: 'another listing' });
  }
}
const callsOf = async (bucket: string) =>
  (
    await server.sql<{ calls: number }>('select calls::int from fhir_bucket_loader.bucket_load where bucket = $1', [
      bucket,
    ])
  )[0]?.calls;

/** The process id of the backend that holds a bucket's watch lock. */
const holderOf = (bucket: string) =>
  waitFor(
    async () => {
      const found = await server.sql<{ pid: number }>(
        `select pid from pg_locks l
          where l.locktype = 'advisory'
                    and l.database = (select oid from pg_database where datname = current_database())
                    and ((l.classid::bigint << 32) | l.objid::bigint) =
                hashtextextended('fhir-bucket-loader watch ' || 'loaderfile'::regclass::oid || ' ' || $1::text, 0)`,
        [bucket],
      );
      return found.length === 1 && found[0]?.pid;
    },
    { what: 'the holder of the watch' },
  );

/** Has a bucket listed at once: whoever takes its watch over goes by the database's time. */
async function makeDue(bucket: string) {
  await server.sql('update fhir_bucket_loader.bucket_watch set next_listing_at = now() where bucket = $1', [bucket]);
  await server.sql('select pg_terminate_backend($1)', [await holderOf(bucket)]);
}

/** A folder as a bucket, and what puts files into it in one step. */
async function folder() {
  const path = await mkdtemp(join(root, 'bucket-'));
  const put = async (key: string, text: string) => {
    const whole = join(root, `${Math.random()}`);
    await writeSettled(whole, text);
    await rename(whole, join(path, key));
  };
  return { bucket: pathToFileURL(path).href, put, path };
}
/** Ends the watch after the test, whatever became of it. */
const watched = async (
  t: TestContext,
  params: { bucket: string; [name: string]: unknown },
  on?: Pick<TestServer, 'rpc'>,
) => {
  t.after(async () => {
    await server.rpc(UNWATCH, { bucket: params.bucket });
  });
  return await call(WATCH, { every: '1s', ...params }, on);
};

describe('watch', () => {
  test('loads what is there, then what comes, at its pace, and shows it in the status', async (t) => {
    const { bucket, put } = await folder();
    await put('Patient-1.ndjson', ndjson(patients(2, 'w')));
    const answer = await watched(t, { bucket });
    assert.match(
      answer.message,
      /^Upload from bucket <file:.*> started\. 1 new files added\. From now on the bucket is listed every 1s\. It survives restarts\.$/,
    );
    assert.deepEqual([answer['new-files-count'], answer['survives-restart?']], [1, true]);
    await untilDone(bucket, 1);
    await put('Patient-2.ndjson', ndjson(patients(2, 'x')));
    await untilDone(bucket, 2);
    const watch = await watchOf(bucket);
    assert.equal(watch?.every, '1s');
    assert.ok(new Date(watch['next-listing-at']) >= new Date(watch['last-listing-at']));
    assert.deepEqual([watch.failures, watch.message], [undefined, undefined]);
    const verbose = await call(STATUS, { bucket, verbose: true });
    assert.equal((verbose['watch'] as Watch).every, '1s');
  });

  test('a listing without anything new calls for nothing', async (t) => {
    const { bucket, put } = await folder();
    await put('Patient-1.ndjson', ndjson(patients(1, 'idle')));
    await watched(t, { bucket });
    await untilDone(bucket, 1);
    const calls = await callsOf(bucket);
    await untilListedAgain(bucket);
    assert.equal(await callsOf(bucket), calls);
    assert.equal((await statusOf(bucket)).state, 'completed');
  });

  test('takes the parameters of a load: changed objects are loaded again', async (t) => {
    const { bucket, put } = await folder();
    await put('Patient-1.ndjson', ndjson([{ id: 'again', active: true }]));
    await watched(t, { bucket, 'upsert?': true, 'reload-changed?': true });
    await untilDone(bucket, 1);
    await put('Patient-1.ndjson', ndjson([{ id: 'again', active: false, gender: 'other' }]));
    await waitFor(
      async () =>
        (await server.sql(`select from patient where id = 'again' and resource @> '{"active": false}'`)).length === 1,
      { what: 'the new version' },
    );
  });

  test('an object that is listed and cannot be read is asked for by the next listing, and not by each of them', async (t) => {
    const proxy = await S3FaultProxy.start(t, server.s3);
    const name = await server.bucketOf({ 'Patient-1.ndjson': patients(1, 'missing') });
    const bucket = `s3://${name}`;
    proxy.rule = ({ key }) => (key === '' ? undefined : { kind: 'error', status: 404, code: 'NoSuchKey' });
    await watched(t, { bucket, account: proxy.account, 'upsert?': true, 'reload-changed?': true });
    await waitFor(async () => (await callsOf(bucket)) === 2, { what: 'a second load' });
    await untilListedAgain(bucket);
    assert.equal(await callsOf(bucket), 2);
    // What else is new has it read, too.
    proxy.rule = () => undefined;
    await server.s3.putObject(name, 'Patient-2.ndjson', ndjson(patients(1, 'there')));
    await untilDone(bucket, 2);
  });

  test('changed objects that it passes over are counted in the status, until they are loaded', async (t) => {
    const { bucket, put } = await folder();
    await put('Patient-1.ndjson', ndjson([{ id: 'passed', active: true }]));
    await watched(t, { bucket });
    await untilDone(bucket, 1);
    assert.equal((await statusOf(bucket))['passed-over-files-count'], undefined);
    await put('Patient-1.ndjson', ndjson([{ id: 'passed', active: false, gender: 'other' }]));
    const counted = async () => (await statusOf(bucket))['passed-over-files-count'];
    await waitFor(async () => (await counted()) === 1, { what: 'a listing that counts it' });
    assert.match((await statusOf(bucket)).message ?? '', /^1 object has changed since .* reload-changed\?/);
    await call('aidbox.bulk/load-from-bucket', { bucket, 'upsert?': true, 'reload-changed?': true });
    assert.equal(await counted(), undefined);
    await waitFor(async () => (await statusOf(bucket)).state === 'completed', { what: 'the end of the load' });
    await untilListedAgain(bucket);
    assert.equal(await counted(), undefined);
  });

  test('unwatch ends it on any replica; a second one is refused by name', async (t) => {
    const replica = await replicaOf(t);
    const { bucket, put } = await folder();
    await watched(t, { bucket });
    assert.ok((await watchOf(bucket, replica)) !== undefined);
    const { message } = await call(UNWATCH, { bucket }, replica);
    assert.match(message, /is no longer watched/);
    await put('Patient-1.ndjson', ndjson(patients(1, 'late')));
    const { status, body } = await server.rpc(UNWATCH, { bucket });
    assert.deepEqual([status, body.error?.message], [422, `Bucket <${bucket}> is not watched.`]);
    // Another bucket is listed meanwhile, twice.
    const other = await folder();
    await watched(t, { bucket: other.bucket });
    await untilListedAgain(other.bucket);
    assert.deepEqual(await statusOf(bucket), { state: 'completed', progress: { total: 0 } });
  });

  test('wrong parameters are named: those of a load, and the pace', async () => {
    const { body } = await server.rpc(WATCH, {
      bucket: 's3://any',
      every: 'hourly',
      'thread-num': 0,
      'dry-run?': true,
    });
    assert.deepEqual(body.error?.errors?.map(({ path }) => path).sort(), ['dry-run?', 'every', 'thread-num']);
  });

  test('a first listing that fails is the answer, and nothing is watched', async () => {
    const { status, body } = await server.rpc(WATCH, {
      bucket: pathToFileURL(join(root, 'missing')).href,
      every: '1s',
    });
    assert.equal(status, 422);
    assert.match(body.error?.message ?? '', /no-such-file/);
    assert.deepEqual(await server.sql(`select from fhir_bucket_loader.bucket_watch where bucket like '%missing'`), []);
  });

  test('no secret is stored, and with account the answer says that it ends with the process', async (t) => {
    const bucket = `s3://${await server.bucketOf({ 'Patient-1.ndjson': patients(1, 'secret') })}`;
    const { account } = server.s3;
    const answer = await watched(t, { bucket, account });
    assert.equal(answer['survives-restart?'], false);
    assert.match(answer.message, /only in the memory of the server's process that was called: the watch ends with it/);
    const [row] = await server.sql<{ row: string }>(
      'select row_to_json(w)::text as row from fhir_bucket_loader.bucket_watch w where bucket = $1',
      [bucket],
    );
    assert.ok(row !== undefined && !row.row.includes(account['secret-access-key']) && !row.row.includes('"account"'));
    await server.s3.putObject(bucket.slice(5), 'Patient-2.ndjson', ndjson(patients(1, 'secret-2')));
    await untilDone(bucket, 2);
    // The calls of later listings are recorded as the first one was.
    const calls = await server.sql<{ params: { account?: object } }>(
      `select c.params from fhir_bucket_loader.load_run_call c join fhir_bucket_loader.load_run r using (run) where r.bucket = $1`,
      [bucket],
    );
    const { region, host } = account;
    assert.ok(calls.length >= 2);
    for (const { params } of calls) assert.deepEqual(params.account, { region, host });
  });

  test('a listing that fails is tried again at the next pace, counted, and shown in status and metrics', async (t) => {
    const proxy = await S3FaultProxy.start(t, server.s3);
    const name = await server.bucketOf({ 'Patient-1.ndjson': patients(1, 'fail') });
    const bucket = `s3://${name}`;
    await watched(t, { bucket, account: proxy.account });
    proxy.rule = ({ key }) => (key === '' ? { kind: 'error', status: 403, code: 'AccessDenied' } : undefined);
    const failed = await waitFor(
      async () => {
        const watch = await watchOf(bucket);
        return (watch?.failures ?? 0) >= 2 && watch;
      },
      { what: 'two failed listings' },
    );
    assert.match(failed.message ?? '', /AccessDenied/);
    await server.s3.putObject(name, 'Patient-2.ndjson', ndjson(patients(1, 'fail-2')));
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const count = new RegExp(`fhir_loader_watch_listings_total\\{bucket="${bucket}",outcome="failed"\\} (\\d+)`).exec(
      metrics,
    )?.[1];
    assert.ok(Number(count) >= 2, metrics.match(/.*watch_listings.*/g)?.join('\n'));
    proxy.rule = () => undefined;
    await untilDone(bucket, 2);
    await waitFor(async () => (await watchOf(bucket))?.message === undefined, { what: 'the end of the failure' });
    assert.equal((await watchOf(bucket))?.failures, undefined);
  });

  test('a file that is being written is left to a later listing, which comes soon, and loaded once it is whole', async (t) => {
    const { bucket, put, path } = await folder();
    await put('Patient-1.ndjson', ndjson(patients(1, 'settled-1')));
    await watched(t, { bucket, every: '1h' });
    await untilDone(bucket, 1);
    // Empty at first, as all that is written there: it would be `done` without rows, and never looked at again.
    const written = join(path, 'Patient-2.ndjson');
    await writeFile(written, '');
    const writing = setInterval(() => void utimes(written, new Date(), new Date()).catch(() => {}), 100);
    t.after(() => clearInterval(writing));
    const before = (await watchOf(bucket))?.['last-listing-at'];
    await makeDue(bucket);
    const watch = await waitFor(
      async () => {
        const found = await watchOf(bucket);
        return found?.['last-listing-at'] !== before && found;
      },
      { what: 'a listing' },
    );
    assert.equal((await statusOf(bucket)).progress['total'], 1);
    assert.ok(Date.parse(watch['next-listing-at']) - Date.parse(watch['last-listing-at']) < 60_000, watch.every);

    clearInterval(writing);
    await writeSettled(written, ndjson(patients(7, 'settled-2')));
    await makeDue(bucket);
    await untilDone(bucket, 2);
    const [row] = await server.sql<{ rows: number }>(
      `select count(*)::int as rows from patient where id like 'settled-2%'`,
    );
    assert.equal(row?.rows, 7);
  });

  test('a load in progress when the next listing is due takes the new files', async (t) => {
    const { bucket, put } = await folder();
    await put('Patient-1.ndjson', ndjson(patients(1, 'busy-1')));
    const gate = await server.gate(t, 'patient');
    await watched(t, { bucket });
    await gate.reached();
    await put('Patient-2.ndjson', ndjson(patients(1, 'busy-2')));
    await waitFor(async () => (await statusOf(bucket)).progress['total'] === 2, {
      what: 'the second file in the queue',
    });
    assert.equal((await statusOf(bucket)).state, 'in-progress');
    // Listings go on, and call for nothing: the load has all of them.
    const calls = await callsOf(bucket);
    await untilListedAgain(bucket);
    assert.equal(await callsOf(bucket), calls);
    await gate.open();
    await untilDone(bucket, 2);
  });

  test('a manual load with other options: its listing fails by name, and goes on after it', async (t) => {
    const { bucket, put } = await folder();
    await watched(t, { bucket, every: '5s' });
    await put('Patient-0.ndjson', ndjson(patients(1, 'manual-0')));
    await untilDone(bucket, 1);
    // Five seconds to the next listing.
    await untilListedAgain(bucket);
    const gate = await server.gate(t, 'patient');
    await put('Patient-1.ndjson', ndjson(patients(1, 'manual-1')));
    await call('aidbox.bulk/load-from-bucket', { bucket, 'upsert?': true });
    await waitFor(async () => /is being loaded with upsert\?: true/.test((await watchOf(bucket))?.message ?? ''), {
      what: 'the contradiction',
    });
    await gate.open();
    await untilDone(bucket, 2);
    await waitFor(async () => (await watchOf(bucket))?.message === undefined, { what: 'a listing without failure' });
  });

  test('cancel ends the load and the watch, and says so', async (t) => {
    const { bucket, put } = await folder();
    await put('Patient-1.ndjson', ndjson(patients(1, 'cancelled')));
    const gate = await server.gate(t, 'patient');
    await watched(t, { bucket });
    await gate.reached();
    const { message } = await call(CANCEL, { bucket });
    assert.match(message, /is being cancelled\. It is no longer watched; fhir-bucket-loader\/watch does so again\./);
    await gate.open();
    await waitFor(async () => (await statusOf(bucket)).state === 'interrupted', { what: 'the end of the load' });
    assert.equal(await watchOf(bucket), undefined);
    const other = await folder();
    await watched(t, { bucket: other.bucket });
    await untilListedAgain(other.bucket);
    assert.equal((await statusOf(bucket)).state, 'interrupted');
  });

  test('cancel without a load in progress changes nothing, and names unwatch', async (t) => {
    const { bucket } = await folder();
    await watched(t, { bucket });
    await waitFor(async () => (await statusOf(bucket)).state === 'completed', { what: 'the end of the load' });
    const { status, body } = await server.rpc(CANCEL, { bucket });
    assert.equal(status, 422);
    assert.match(
      body.error?.message ?? '',
      /is not being loaded.* It is watched: fhir-bucket-loader\/unwatch ends that\./,
    );
    assert.ok((await watchOf(bucket)) !== undefined);
  });

  test('cancel while it lists, without a load in progress, does the same', async (t) => {
    const proxy = await S3FaultProxy.start(t, server.s3);
    const name = await server.bucketOf({ 'Patient-1.ndjson': patients(1, 'cancel-1') });
    const bucket = `s3://${name}`;
    await watched(t, { bucket, account: proxy.account });
    await waitFor(async () => (await statusOf(bucket)).state === 'completed', { what: 'the end of the load' });
    const listing = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const run = async () => {
      listing.resolve();
      await goOn.promise;
    };
    await server.s3.putObject(name, 'Patient-2.ndjson', ndjson(patients(1, 'cancel-2')));
    proxy.rule = ({ key }) => (key === '' ? { kind: 'first', run } : undefined);
    await listing.promise;
    const { status, body } = await server.rpc(CANCEL, { bucket });
    goOn.resolve();
    proxy.rule = () => undefined;
    assert.deepEqual([status, /It is watched: /.test(body.error?.message ?? '')], [422, true]);
    await untilDone(bucket, 2);
    assert.ok((await watchOf(bucket)) !== undefined);
  });

  test('unwatch while it lists: what the listing finds is not queued', async (t) => {
    const proxy = await S3FaultProxy.start(t, server.s3);
    const name = await server.bucketOf({ 'Patient-1.ndjson': patients(1, 'un-1') });
    const bucket = `s3://${name}`;
    await watched(t, { bucket, account: proxy.account });
    await untilDone(bucket, 1);
    const listing = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const run = async () => {
      listing.resolve();
      await goOn.promise;
    };
    proxy.rule = ({ key }) => (key === '' ? { kind: 'first', run } : undefined);
    await listing.promise;
    // Not before: another listing may be on its way.
    await server.s3.putObject(name, 'Patient-2.ndjson', ndjson(patients(1, 'un-2')));
    await call(UNWATCH, { bucket });
    goOn.resolve();
    proxy.rule = () => undefined;
    // Others are watched, and listed, after it.
    const other = await folder();
    await watched(t, { bucket: other.bucket });
    await untilListedAgain(other.bucket);
    assert.deepEqual((await statusOf(bucket)).progress, { total: 1, done: 1 });
    assert.equal(await watchOf(bucket), undefined);
  });

  test('objects that are deleted, all of a prefix, and a bucket that is: loaded they stay, and what fails says so', async (t) => {
    const name = await server.bucketOf({ 'a/Patient-1.ndjson': patients(1, 'gone-1') });
    const bucket = `s3://${name}`;
    await watched(t, {
      bucket,
      account: server.s3.account,
      prefixes: ['a/'],
      'upsert?': true,
      'reload-changed?': true,
    });
    await untilDone(bucket, 1);
    await server.s3.deleteObject(name, 'a/Patient-1.ndjson');
    await untilListedAgain(bucket);
    assert.deepEqual(
      [(await statusOf(bucket)).state, await watchOf(bucket).then((watch) => watch?.message)],
      ['completed', undefined],
    );
    await server.s3.putObject(name, 'a/Patient-2.ndjson', ndjson(patients(1, 'gone-2')));
    await untilDone(bucket, 2);
    const lost = await folder();
    await watched(t, { bucket: lost.bucket });
    await rm(lost.path, { recursive: true });
    const message = await waitFor(async () => (await watchOf(lost.bucket))?.message, { what: 'a failed listing' });
    assert.match(message, /no such|does not exist|cannot be read/i);
    await mkdir(lost.path);
    await lost.put('Patient-1.ndjson', ndjson(patients(1, 'gone-3')));
    await untilDone(lost.bucket, 1);
  });

  test('a second watch takes the place of the first, and says which keys are no longer watched', async (t) => {
    const { bucket, put } = await folder();
    const lost = async (prefixes: readonly string[]) =>
      / No longer watched are (.*): a bucket has one watch/.exec((await watched(t, { bucket, prefixes })).message)?.[1];
    assert.equal(await lost([]), undefined);
    assert.equal(await lost(['Patient-a', 'Pat']), 'keys with other prefixes');
    assert.equal(await lost(['Patient-a', 'Observation']), 'keys that begin with Pat');
    assert.equal(await lost(['Observation', 'Patient']), undefined);
    assert.equal(await lost(['Patient-b', 'Patient-c']), 'keys that begin with Observation, Patient');
    await put('Patient-a.ndjson', ndjson(patients(1, 'first')));
    await put('Patient-b.ndjson', ndjson(patients(1, 'second')));
    await untilDone(bucket, 1);
    await untilListedAgain(bucket);
    assert.deepEqual((await statusOf(bucket)).progress, { total: 1, done: 1 });
    assert.equal(
      (await server.sql('select from fhir_bucket_loader.bucket_watch where bucket = $1', [bucket])).length,
      1,
    );
  });

  test('a clock that was set back does not keep it from listing', async (t) => {
    const { bucket, put } = await folder();
    await watched(t, { bucket });
    const holder = await holderOf(bucket);
    // As the next replica finds it that takes over.
    await server.sql(
      `update fhir_bucket_loader.bucket_watch set next_listing_at = clock_timestamp() + interval '1 year' where bucket = $1`,
      [bucket],
    );
    await server.sql('select pg_terminate_backend($1)', [holder]);
    await put('Patient-1.ndjson', ndjson(patients(1, 'clock')));
    await untilDone(bucket, 1);
  });

  test('new-keys-last? asks for new keys only, and a whole listing finds and tells what came late', async (t) => {
    const name = await server.bucketOf({
      'a/2026-01/Patient.ndjson': patients(1, 'n1'),
      'b/Patient-1.ndjson': patients(1, 'n2'),
    });
    const bucket = `s3://${name}`;
    const { account } = server.s3;
    await watched(t, { bucket, account, 'new-keys-last?': true, prefixes: ['a/', 'b/'] });
    await untilDone(bucket, 2);
    await untilListedAgain(bucket);
    await server.s3.putObject(name, 'a/2025-12/Patient.ndjson', ndjson(patients(1, 'late')));
    await server.s3.putObject(name, 'a/2026-02/Patient.ndjson', ndjson(patients(1, 'n3')));
    await server.s3.putObject(name, 'b/Patient-2.ndjson', ndjson(patients(1, 'n4')));
    await untilDone(bucket, 4);
    await untilListedAgain(bucket);
    assert.deepEqual((await statusOf(bucket)).progress, { total: 4, done: 4 });
    // Whoever takes the lock next lists everything.
    await server.sql('select pg_terminate_backend($1)', [await holderOf(bucket)]);
    await untilDone(bucket, 5);
    const message = await waitFor(async () => (await watchOf(bucket))?.message, { what: 'the word on it' });
    assert.match(message, /^The last whole listing found 1 new object with keys before.*new-keys-last\? is not right/);
    assert.equal((await watchOf(bucket))?.failures, undefined);
  });

  test('new-keys-last? lists everything once a bucket is back that was gone, or could not be read', async (t) => {
    const proxy = await S3FaultProxy.start(t, server.s3);
    const name = await server.bucketOf({ 'Patient-5.ndjson': patients(1, 'back-5') });
    const bucket = `s3://${name}`;
    await watched(t, { bucket, account: proxy.account, 'new-keys-last?': true });
    await untilDone(bucket, 1);
    await untilListedAgain(bucket);
    for (const [n, status, code, said] of [
      [4, 404, 'NoSuchBucket', /^NoSuchKey: the bucket does not exist; check its name/],
      [3, 403, 'AccessDenied', /^AccessDenied/],
    ] as const) {
      proxy.rule = ({ key }) => (key === '' ? { kind: 'error', status, code } : undefined);
      const fails = async () => said.test((await watchOf(bucket))?.message ?? '');
      await waitFor(fails, { what: `the failure ${code}` });
      await server.s3.putObject(name, `Patient-${n}.ndjson`, ndjson(patients(1, `back-${n}`)));
      proxy.rule = () => undefined;
      await untilDone(bucket, 6 - n);
    }
    assert.deepEqual((await statusOf(bucket)).progress, { total: 3, done: 3 });
  });

  test('a listing that a shutdown interrupts does not count as failed', async (t) => {
    const proxy = await S3FaultProxy.start(t, server.s3);
    const replica = await replicaOf(t);
    const bucket = `s3://${await server.bucketOf({ 'Patient-1.ndjson': patients(1, 'shut') })}`;
    await watched(t, { bucket, account: proxy.account }, replica);
    const listed = Promise.withResolvers<void>();
    proxy.rule = ({ key }) => {
      if (key === '') listed.resolve();
      return key === '' ? { kind: 'no-answer' } : undefined;
    };
    await listed.promise;
    await replica.stop();
    const [row] = await server.sql('select failures, message from fhir_bucket_loader.bucket_watch where bucket = $1', [
      bucket,
    ]);
    assert.deepEqual(row, { failures: 0, message: null });
    assert.match((await watchOf(bucket))?.message ?? '', /^Nobody lists the bucket/);
  });

  test('new-keys-last? contradicts reload-changed?', async () => {
    const params = {
      bucket: 's3://any',
      every: '1m',
      'upsert?': true,
      'reload-changed?': true,
      'new-keys-last?': true,
    };
    const { body } = await server.rpc(WATCH, params);
    assert.deepEqual(
      body.error?.errors?.map(({ path }) => path),
      ['new-keys-last?'],
    );
  });
});
