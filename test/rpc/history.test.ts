import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { z } from 'zod';
import { historyAnswer } from '../../src/rpc/history-answer.ts';
import { ndjson, patients } from '../support/ndjson.ts';
import { OddS3Server } from '../support/odd-s3-server.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const { bucketOf, load } = server;
const historyOf = async (params: object, on: Pick<TestServer, 'rpc'> = server) =>
  historyAnswer.parse((await on.rpc('fhir-bucket-loader/history', params)).body.result);
const runsOf = async (bucket: string, on?: Pick<TestServer, 'rpc'>) =>
  (await historyOf({ bucket: `s3://${bucket}` }, on)).runs;
const only = async (bucket: string, on?: Pick<TestServer, 'rpc'>) => {
  const runs = await runsOf(bucket, on);
  assert.equal(runs.length, 1, JSON.stringify(runs));
  const [run] = runs;
  assert.ok(run !== undefined);
  return run;
};

// Gates need their tables.
await load(
  await bucketOf(
    Object.fromEntries(
      ['Patient', 'Observation', 'Encounter', 'Basic'].map((type) => [`${type}.ndjson`, [{ id: 'first' }]]),
    ),
  ),
);

describe('a run', () => {
  test('says who called, with what, what came of each file, and when; it is there as soon as the call is answered', async (t) => {
    const { open, reached } = await server.gate(t, 'patient');
    const bucket = await bucketOf({
      'Patient-1.ndjson': patients(7, 'r1'),
      'Patient-2.ndjson': [{ id: 'good' }, 'no resource'] as object[],
      'Patient-3.ndjson': [{ id: 'first' }, { id: 'first' }],
      'Patient-4.ndjson': 'no json\nno json',
      'Patient-5.ndjson': 'no json\nno json',
      'Patient-6.ndjson': [{ id: 'twice' }, { id: 'x' }, { id: 'twice' }, { id: 'x' }],
    });
    const started = await server.startLoad(bucket, { 'max-errors': 1, prefixes: ['Patient'] });
    assert.equal(started.status, 200);
    const running = await only(bucket);
    assert.equal(running.state, 'in-progress');
    assert.equal(running.end, undefined);
    await reached();
    await open();
    await server.ended(bucket);
    const run = await only(bucket);
    assert.equal(run.state, 'completed');
    assert.equal(run.replicas, 1);
    assert.deepEqual(run.files, { done: 2, error: 4, left: 0 });
    assert.equal(run.resources, 8);
    assert.equal(run['lines-left-out'], 1);
    const [size] = await server.sql<{ n: number }>(
      `select sum((resource ->> 'size')::int)::int as n from loaderfile
        where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done'`,
      [`s3://${bucket}`],
    );
    assert.equal(run.bytes, size?.n);
    const failed = await server.sql<{ source: string; code: string; files: number }>(
      `select resource #>> '{error,source}' as source, resource #>> '{error,code}' as code, count(*)::int as files
         from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = 'error' group by 1, 2 order by 3 desc`,
      [`s3://${bucket}`],
    );
    assert.deepEqual(run.failures, failed);
    assert.equal(Date.parse(run.end ?? '') - Date.parse(run.start), run['duration-ms']);
    assert.equal(run.rate['resources-per-second'], Math.round((8 * 1_000) / run['duration-ms']));
    const [call, ...more] = run.calls;
    assert.deepEqual(more, []);
    assert.equal(run['calls-count'], 1);
    assert.equal(call?.['new-files-count'], 6);
    assert.deepEqual(call?.caller, { address: '127.0.0.1', via: 'api', agent: 'node' });
    const { host, region } = server.s3.account;
    const { account, ...params } = call?.params ?? {};
    assert.deepEqual(account, { region, host });
    assert.partialDeepStrictEqual(params, {
      bucket: `s3://${bucket}`,
      'thread-num': 4,
      'upsert?': false,
      prefixes: ['Patient'],
      'max-errors': 1,
    });
  });

  test('counts only what it loaded itself, and keeps its figures when LoaderFiles are retried or deleted', async () => {
    const bucket = await bucketOf({ 'Patient-1.ndjson': patients(4, 'r2'), 'Patient-2.ndjson': 'no json' });
    await load(bucket);
    const first = await only(bucket);
    assert.deepEqual(first.files, { done: 1, error: 1, left: 0 });
    await server.s3.putObject(bucket, 'Patient-2.ndjson', '{"id":"mended"}\n');
    await server.rpc('aidbox.bulk/load-from-bucket-retry', { bucket: `s3://${bucket}` });
    await load(bucket);
    const [second, again] = await runsOf(bucket);
    assert.deepEqual(again, first);
    assert.deepEqual(second?.files, { done: 1, error: 0, left: 0 });
    assert.equal(second?.resources, 1);
    assert.deepEqual(second?.failures, []);
    await fetch(`${server.url}/LoaderFile?bucket=s3://${bucket}`, {
      method: 'DELETE',
      headers: { 'x-conditional-delete': 'remove-all' },
    });
    assert.deepEqual(await runsOf(bucket), [second, again]);
    // Loaded once more, as the documentation has it.
    await load(bucket, { 'upsert?': true });
    const [third] = await runsOf(bucket);
    assert.deepEqual(third?.files, { done: 2, error: 0, left: 0 });
    assert.equal(third?.resources, 5);
  });

  test('counts a LoaderFile that is deleted while it runs, and the same file that it loads again', async (t) => {
    const { open, reached } = await server.gate(t, 'observation');
    const bucket = await bucketOf({
      'Patient-1.ndjson': patients(4, 'r3'),
      'Patient-2.ndjson': 'no json',
      'Observation.ndjson': [{ id: 'o-r3' }],
    });
    await server.startLoad(bucket);
    await reached();
    await waitFor(async () => (await only(bucket)).files.done + (await only(bucket)).files.error === 2, {
      what: 'the two other files',
    });
    await fetch(`${server.url}/LoaderFile?bucket=s3://${bucket}&type=Patient`, {
      method: 'DELETE',
      headers: { 'x-conditional-delete': 'remove-all' },
    });
    const during = await only(bucket);
    assert.deepEqual(during.files, { done: 1, error: 1, left: 1 });
    assert.equal(during.resources, 4);
    await server.startLoad(bucket);
    await open();
    await server.ended(bucket);
    const run = await only(bucket);
    // The first file's rows were there already when it came again.
    assert.deepEqual(run.files, { done: 2, error: 3, left: 0 });
    assert.equal(run.resources, 5);
    assert.equal(run['calls-count'], 2);
    assert.deepEqual(await server.sql('select from fhir_bucket_loader.load_run_deleted'), []);
  });

  test('that is cancelled says so, and what it left; the next call begins another one', async (t) => {
    const { open, reached } = await server.gate(t, 'encounter');
    const bucket = await bucketOf({
      'Patient.ndjson': patients(2, 'r4'),
      'Encounter-1.ndjson': [{ id: 'e-r4' }],
      'Encounter-2.ndjson': [{ id: 'f-r4' }],
    });
    await server.startLoad(bucket);
    await reached();
    await waitFor(async () => (await only(bucket)).files.done === 1, { what: 'the file of patients' });
    await server.rpc('aidbox.bulk/load-from-bucket-cancel', { bucket: `s3://${bucket}` });
    await open();
    await server.ended(bucket);
    const run = await only(bucket);
    assert.equal(run.state, 'cancelled');
    assert.deepEqual(run.files, { done: 1, error: 0, left: 2 });
    await load(bucket);
    const [next, before] = await runsOf(bucket);
    assert.deepEqual(before, run);
    assert.equal(next?.state, 'completed');
    assert.deepEqual(next?.files, { done: 2, error: 0, left: 0 });
  });

  test('whose dropped indexes cannot be restored is interrupted, and names them', async () => {
    await load(await bucketOf({ 'Device.ndjson': [{ id: 'd' }] }));
    const bucket = await bucketOf({ 'Device-2.ndjson': [{ id: 'd' }] });
    await load(bucket, { 'drop-primary-key?': true });
    const run = await only(bucket);
    assert.equal(run.state, 'interrupted');
    assert.match(run.reason ?? '', /Dropped indexes are not restored: device_pkey;/);
    assert.deepEqual(run.files, { done: 1, error: 0, left: 0 });
  });

  test('with nothing to load is a run as well', async () => {
    const bucket = await bucketOf({});
    await load(bucket);
    const run = await only(bucket);
    assert.equal(run.state, 'completed');
    assert.deepEqual(run.files, { done: 0, error: 0, left: 0 });
  });

  test('keeps no key, secret or token of its calls, in no table and no answer', async (t) => {
    // A real store would refuse these.
    const store = await OddS3Server.start(t);
    store.put('Patient.ndjson', ndjson([{ id: 'no-secret' }]));
    const bucket = 'recorded-without-secrets';
    const secrets = {
      'access-key-id': 'AKIARECOGNISABLE',
      'secret-access-key': 'Secret+RECOGNISABLE',
      'session-token': 'Token/RECOGNISABLE',
    };
    await server.startLoad(bucket, { account: { ...store.account, ...secrets, 'path-style?': true } });
    await server.ended(bucket);
    const run = await only(bucket);
    assert.equal(run.state, 'completed');
    assert.deepEqual(run.calls[0]?.params['account'], {
      region: store.account.region,
      host: store.account.host,
      'path-style?': true,
    });
    const tables = await server.sql<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'fhir_bucket_loader'`,
    );
    assert.ok(tables.length > 5);
    const rows = [];
    for (const { name } of tables) rows.push(...(await server.sql(`select t::text as row from ${name} t`)));
    const answers = [await historyOf({ limit: 100 }), await historyOf({ run: run.run })];
    const text = JSON.stringify([rows, answers]);
    assert.ok(text.includes(bucket));
    for (const secret of Object.values(secrets)) assert.ok(!text.includes(secret), secret);
  });

  test('lists the calls that join it', async (t) => {
    const { open, reached } = await server.gate(t, 'basic');
    const bucket = await bucketOf({ 'Basic.ndjson': [{ id: 'b' }] });
    await server.startLoad(bucket);
    await reached();
    for (const threads of [5, 6]) await server.startLoad(bucket, { 'thread-num': threads });
    const { run, ...listed } = await only(bucket);
    assert.deepEqual(
      listed.calls.map(({ call }) => call),
      [1],
    );
    assert.equal(listed['calls-count'], 3);
    const [detail] = (await historyOf({ run })).runs;
    assert.deepEqual(
      detail?.calls.map(({ call, params, 'new-files-count': files }) => [call, params['thread-num'], files]),
      [
        [1, 4, 1],
        [2, 5, 0],
        [3, 6, 0],
      ],
    );
    await open();
    await server.ended(bucket);
    assert.equal((await only(bucket)).state, 'completed');
  });
});

describe('fhir-bucket-loader/history', () => {
  test('gives all runs page by page, the latest first', async () => {
    const seen: number[] = [];
    for (let before: number | undefined; ; ) {
      const page = await historyOf({ limit: 2, ...(before === undefined ? {} : { before }) });
      assert.ok(page.runs.length <= 2);
      seen.push(...page.runs.map(({ run }) => run));
      before = page['next-before'];
      if (before === undefined) break;
    }
    const stored = await server.sql<{ run: string }>('select run from fhir_bucket_loader.load_run order by run desc');
    assert.deepEqual(
      seen,
      stored.map(({ run }) => Number(run)),
    );
    assert.ok(seen.length > 4);
  });

  test('refuses what it does not know', async () => {
    const refusal = async (params: object) => {
      const { status, body } = await server.rpc('fhir-bucket-loader/history', params);
      return [status, body.error?.message, body.error?.errors?.map(({ path }) => path)];
    };
    assert.deepEqual(await refusal({ bucket: 's3://never-loaded' }), [
      422,
      'Bucket <s3://never-loaded> was never loaded. Start with aidbox.bulk/load-from-bucket.',
      undefined,
    ]);
    assert.match(String((await refusal({ run: 1e9 }))[1]), /There is no run 1000000000/);
    assert.deepEqual((await refusal({ run: 1, bucket: 's3://never-loaded' }))[2], ['run']);
    assert.deepEqual((await refusal({ limit: 101 }))[2], ['limit']);
    assert.deepEqual((await refusal({ limit: 0, before: 0 }))[2], ['limit', 'before']);
  });

  test('callers: the page, the command line, a client that signed in', async (t) => {
    const guarded = await startTestServer(t, { env: { BOX_ROOT_CLIENT_SECRET: 'history-secret' } });
    const bucket = await guarded.bucketOf({});
    const authorization = `Basic ${Buffer.from('root:history-secret').toString('base64')}`;
    const call = async (headers: Record<string, string>, method: string, params: object) => {
      const response = await fetch(`${guarded.url}/rpc`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ method, params }),
      });
      assert.equal(response.status, 200);
      return z.object({ result: z.unknown() }).parse(await response.json()).result;
    };
    const load = { bucket: `s3://${bucket}`, account: guarded.s3.account };
    const state = async () =>
      z
        .object({ state: z.string() })
        .parse(await call({}, 'aidbox.bulk/load-from-bucket-status', { bucket: load.bucket })).state;
    for (const headers of [
      { origin: guarded.url, 'user-agent': `Mozilla/5.0 ${'x'.repeat(200)}` },
      { 'user-agent': 'fhir-bucket-loader/1.2.3' },
      { 'user-agent': 'curl/8' },
    ]) {
      await call(headers, 'aidbox.bulk/load-from-bucket', load);
      await waitFor(async () => (await state()) === 'completed', { what: 'the end' });
    }
    const { runs } = historyAnswer.parse(await call({}, 'fhir-bucket-loader/history', {}));
    assert.deepEqual(
      runs.map(({ calls: [first] }) => first?.caller),
      [
        { user: 'root', address: '127.0.0.1', via: 'api', agent: 'curl/8' },
        { user: 'root', address: '127.0.0.1', via: 'command-line', agent: 'fhir-bucket-loader/1.2.3' },
        { user: 'root', address: '127.0.0.1', via: 'page', agent: `Mozilla/5.0 ${'x'.repeat(88)}` },
      ],
    );
  });
});
