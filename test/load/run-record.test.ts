import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { historyAnswer } from '../../src/rpc/history-answer.ts';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { startReplicaParts } from '../support/replica-parts.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

const FILES = 8;
const ROWS = 400;

const { s3, proxy, client, ...parts } = await startReplicaParts({ after });

const startReplica = () => parts.startReplica({ LOADER_SHUTDOWN_GRACE_MS: '0', LOADER_THREADS: '1' });
const replicas: [ServerProcess, ServerProcess] = [await startReplica(), await startReplica()];
afterEach(async () => {
  quickly();
  for (const place of [0, 1] as const) if (!replicas[place].running) replicas[place] = await startReplica();
});

const bucketOf = async (files = FILES) => {
  const bucket = await s3.createBucket();
  for (let n = 0; n < files; n++)
    await s3.putObject(bucket, `Patient-${n}.ndjson.gz`, ndjsonGzip(patients(ROWS, `${bucket}-${n}`)));
  return bucket;
};
const call = async (replica: ServerProcess, bucket: string, params: object = {}) => {
  const answer = await replica.rpc('load-from-bucket', {
    bucket: `s3://${bucket}`,
    account: proxy.account,
    'thread-num': 2,
    ...params,
  });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
};
const ended = (replica: ServerProcess, bucket: string) => replica.ended(bucket, 90_000);
const history = async (replica: ServerProcess, params: object) => {
  const { body } = await replica.rpc('fhir-bucket-loader/history', params);
  return historyAnswer.parse(body.result).runs;
};
const runsOf = (replica: ServerProcess, bucket: string) => history(replica, { bucket: `s3://${bucket}` });
const detailOf = async (replica: ServerProcess, bucket: string) => {
  const [latest] = await runsOf(replica, bucket);
  const [run] = await history(replica, { run: latest?.run });
  assert.ok(run?.curve !== undefined);
  return { ...run, curve: run.curve };
};
const rowsOf = async (bucket: string) =>
  (
    await client.query<{ n: number }>('select count(*)::int as n from patient where starts_with(id, $1)', [
      `${bucket}-`,
    ])
  ).rows[0]?.n;
const filesDone = async (bucket: string) =>
  (
    await client.query(`select from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done'`, [
      `s3://${bucket}`,
    ])
  ).rowCount ?? 0;
/** The first files asked for come at once; bodies of all others are so slow that they do not end before `quickly`. */
const slowly = (atOnce = 2) => {
  const quick = new Set<string>();
  proxy.rule = ({ method, key }) => {
    if (method !== 'GET' || key === '' || quick.has(key)) return undefined;
    if (quick.size === atOnce) return { kind: 'trickle', chunkBytes: 1, everyMs: 50 };
    quick.add(key);
    return undefined;
  };
};
const quickly = () => {
  proxy.rule = () => undefined;
};
const copying = (least: number) =>
  waitFor(
    async () =>
      ((await client.query(`select from pg_stat_progress_copy where datname = current_database()`)).rowCount ?? 0) >=
      least,
    { what: `${least} files in flight` },
  );
/** Two replicas in the middle of a load: two files are loaded, each replica has two in flight. */
const halfway = async (params: object = {}) => {
  const bucket = await bucketOf();
  slowly();
  await call(replicas[0], bucket, params);
  await call(replicas[1], bucket, params);
  await waitFor(async () => (await filesDone(bucket)) === 2, { what: 'two files' });
  await copying(4);
  return bucket;
};

describe('the record of a run with two replicas', () => {
  test('is one, with both calls, and counts what both have loaded; so does its curve', async () => {
    const bucket = await halfway();
    const [running, ...others] = await runsOf(replicas[1], bucket);
    assert.deepEqual(others, []);
    assert.equal(running?.state, 'in-progress');
    assert.deepEqual(running?.files, { done: 2, error: 0, left: 6 });
    quickly();
    await ended(replicas[1], bucket);
    const run = await detailOf(replicas[0], bucket);
    assert.equal(run.state, 'completed');
    assert.equal(run.replicas, 2);
    assert.deepEqual(run.files, { done: FILES, error: 0, left: 0 });
    assert.equal(run.resources, FILES * ROWS);
    assert.deepEqual(
      run.calls.map(({ 'new-files-count': files }) => files),
      [FILES, 0],
    );
    // A replica adds its last second as it ends, which may be a moment after the state says so.
    const sum = () =>
      client.query(
        'select sum(rows)::int as rows, sum(bytes)::int as bytes from fhir_bucket_loader.load_run_rate where run = $1',
        [run.run],
      );
    await waitFor(async () => (await sum()).rows[0]?.rows === FILES * ROWS, { what: 'the whole curve' });
    assert.equal((await sum()).rows[0]?.bytes, run.bytes);
    // The last point, which the end cuts short, shows no rate that never was.
    for (const { 'resources-per-second': rate } of (await detailOf(replicas[0], bucket)).curve.points)
      assert.ok(rate <= FILES * ROWS, `${rate} resources/s`);
  });

  test('kill -9 of one: the run goes on with the other', async () => {
    const bucket = await halfway();
    await replicas[0].kill();
    assert.equal((await runsOf(replicas[1], bucket))[0]?.state, 'in-progress');
    quickly();
    await ended(replicas[1], bucket);
    const runs = await runsOf(replicas[1], bucket);
    assert.deepEqual(
      runs.map(({ state, files, resources }) => ({ state, files, resources })),
      [{ state: 'completed', files: { done: FILES, error: 0, left: 0 }, resources: FILES * ROWS }],
    );
  });

  test('kill -9 of both: interrupted from then on, with its curve; the next call begins another run', async () => {
    const bucket = await halfway();
    const curve = async (replica: ServerProcess) => (await detailOf(replica, bucket)).curve.points.length;
    await waitFor(async () => (await curve(replicas[0])) > 1, { what: 'two points' });
    await Promise.all(replicas.map((replica) => replica.kill()));
    const fresh = await startReplica();
    replicas[0] = fresh;
    await waitFor(async () => (await runsOf(fresh, bucket))[0]?.state === 'interrupted', { what: 'interrupted' });
    // As where the last file ended after the last second of the curve.
    await client.query(
      `update loaderfile set ts = clock_timestamp() where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done'`,
      [`s3://${bucket}`],
    );
    const seen = await detailOf(fresh, bucket);
    assert.deepEqual(seen.files, { done: 2, error: 0, left: 6 });
    assert.equal(seen.resources, await rowsOf(bucket));
    assert.ok(seen.curve.points.length > 1);
    assert.ok(Date.parse(seen.end ?? '') >= Date.parse(seen.start));
    assert.ok(Date.parse(seen.end ?? '') <= Date.now());
    // Deleted and not loaded again yet: what the run has loaded, it has loaded.
    await fetch(`${fresh.url}/LoaderFile?bucket=s3://${bucket}&status=done`, {
      method: 'DELETE',
      headers: { 'x-conditional-delete': 'remove-all' },
    });
    quickly();
    await call(fresh, bucket, { 'upsert?': true });
    await ended(fresh, bucket);
    const [next, before, ...others] = await runsOf(fresh, bucket);
    assert.deepEqual(others, []);
    assert.equal(before?.state, 'interrupted');
    assert.match(before?.reason ?? '', /All replicas that worked on it died/);
    assert.deepEqual(before?.files, { done: 2, error: 0, left: 6 });
    assert.equal(before?.resources, 2 * ROWS);
    assert.equal(before?.end, seen.end);
    assert.equal(next?.state, 'completed');
    assert.deepEqual(next?.files, { done: FILES, error: 0, left: 0 });
    assert.equal(await rowsOf(bucket), FILES * ROWS);
  });

  test('SIGTERM of one after the other: the last one ends the run', async () => {
    const bucket = await halfway();
    await replicas[0].terminate();
    assert.equal((await runsOf(replicas[1], bucket))[0]?.state, 'in-progress');
    await replicas[1].terminate();
    replicas[0] = await startReplica();
    const [run] = await runsOf(replicas[0], bucket);
    assert.equal(run?.state, 'interrupted');
    assert.equal(run?.reason, 'The server was shut down.');
    assert.deepEqual(run?.files, { done: 2, error: 0, left: 6 });
    const { rows } = await client.query('select ended_at from fhir_bucket_loader.load_run where run = $1', [run?.run]);
    assert.equal(run?.end, rows[0]?.ended_at.toISOString());
  });

  test('cancelled through one: both leave, and it says what is left', async () => {
    const bucket = await halfway();
    await replicas[1].rpc('load-from-bucket-cancel', { bucket: `s3://${bucket}` });
    await ended(replicas[0], bucket);
    const [run] = await runsOf(replicas[0], bucket);
    assert.equal(run?.state, 'cancelled');
    assert.deepEqual(run?.files, { done: 2, error: 0, left: 6 });
  });

  test('all connections are cut: the same run goes on', async () => {
    const bucket = await halfway();
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'fhir-bucket-loader'`,
    );
    quickly();
    await waitFor(async () => (await filesDone(bucket)) === FILES, { what: 'all files' });
    const answers = async () =>
      (await replicas[0].rpc('load-from-bucket-status', { bucket: `s3://${bucket}` })).status === 200;
    await waitFor(answers, { what: 'an answer' });
    await ended(replicas[0], bucket);
    await waitFor(async () => (await runsOf(replicas[0], bucket))[0]?.state === 'completed', { what: 'the end' });
    const runs = await runsOf(replicas[0], bucket);
    assert.equal(runs.length, 1);
    assert.deepEqual(runs[0]?.files, { done: FILES, error: 0, left: 0 });
    assert.equal(runs[0]?.resources, FILES * ROWS);
  });

  test('given up, with the reason; the next call begins another run', async () => {
    const bucket = await bucketOf(2);
    await client.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'no claims today'; end $$;
      create trigger refuse before update on loaderfile for each row
        when (new.resource ->> 'status' = 'in-progress') execute function refuse()`);
    await call(replicas[0], bucket);
    await waitFor(
      async () =>
        (
          await client.query('select from fhir_bucket_loader.load_run where outcome is not null and bucket = $1', [
            `s3://${bucket}`,
          ])
        ).rowCount !== 0,
      { what: 'the end' },
    );
    await client.query('drop function refuse cascade');
    const [run] = await runsOf(replicas[0], bucket);
    assert.equal(run?.state, 'given-up');
    assert.match(run?.reason ?? '', /no claims today/);
    assert.deepEqual(run?.files, { done: 0, error: 0, left: 2 });
    await call(replicas[1], bucket);
    await ended(replicas[1], bucket);
    const [next, before] = await runsOf(replicas[0], bucket);
    assert.deepEqual(before, run);
    assert.deepEqual(next?.files, { done: 2, error: 0, left: 0 });
  });
});
