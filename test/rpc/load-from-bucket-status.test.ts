import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const METHOD = 'aidbox.bulk/load-from-bucket-status';
const statusOf = (bucket: string) => server.rpc(METHOD, { bucket: `s3://${bucket}` });

test('a bucket nobody ever loaded is an error that says so', async () => {
  const { status, body } = await statusOf('never-loaded');
  assert.equal(status, 422);
  assert.deepEqual(body, {
    error: { message: 'Bucket <s3://never-loaded> was never loaded. Start with aidbox.bulk/load-from-bucket.' },
  });
});

test('unknown and missing parameters are refused', async () => {
  const { status, body } = await server.rpc(METHOD, { Bucket: 's3://x' });
  assert.equal(status, 422);
  assert.deepEqual(body.error?.errors?.map(({ path, message }) => [path, message]).sort(), [
    ['Bucket', 'unknown parameter; did you mean bucket?'],
    ['bucket', 'is required'],
  ]);
});

test('in-progress with one count per status that occurs, then completed', async (t) => {
  const [held, bad, pending] = ['Encounter-held.ndjson', 'Patient-bad.ndjson', 'Observation-1.ndjson'] as const;
  const bucket = await server.bucketOf({
    [bad]: '{"no":"id"}',
    [held]: [{ resourceType: 'Encounter', id: 'held', text: 'x'.repeat(1000) }],
    [pending]: [{ resourceType: 'Observation', id: 'o-1' }],
  });
  // Somebody's open transaction keeps rows out of one table, as a migration of theirs might.
  await server.load(await server.bucketOf({ 'Encounter.ndjson': '' }));
  const other = new pg.Client(server.database.connection);
  await other.connect();
  t.after(() => other.end());
  await other.query('begin; lock table encounter in exclusive mode');

  // One slot: the held file, the larger one and so the first, keeps the other one pending.
  await server.startLoad(bucket, { 'thread-num': 1, prefixes: [bad] });
  await server.ended(bucket);
  await server.startLoad(bucket, { 'thread-num': 1, prefixes: [held, pending] });
  const during = await waitFor(
    async () => {
      const { body } = await statusOf(bucket);
      const { progress } = body.result as { progress: Record<string, number> };
      return progress['in-progress'] === 1 && body;
    },
    { what: 'the held file' },
  );
  assert.deepEqual(during, {
    result: { state: 'in-progress', progress: { total: 3, error: 1, 'in-progress': 1, pending: 1 } },
  });
  await other.query('rollback');
  assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 3, error: 1, done: 2 } });
});

test('interrupted while files are left and nobody loads them; the next call continues', async (t) => {
  const stopped = await startTestServer(t);
  const bucket = await stopped.bucketOf({
    'Patient-1.ndjson.gz': patients(3, 'first'),
    'Patient-2.ndjson.gz': patients(3, 'second'),
  });
  // What a server leaves that died after it had queued the files and while it loaded one of them.
  await stopped.load(bucket);
  await stopped.sql(`delete from patient where id like 'second-%'`);
  await stopped.sql(
    `update loaderfile set resource = resource - '{end,loaded}'::text[] || '{"status": "in-progress"}'
      where resource ->> 'file' = 'Patient-2.ndjson.gz'`,
  );
  const status = async () => (await stopped.rpc(METHOD, { bucket: `s3://${bucket}` })).body;
  // The load of this very server may still be ending: then the bucket is in progress.
  const isOver = async () => !JSON.stringify(await status()).includes('"state":"in-progress"');
  await waitFor(isOver, { what: 'the load has ended' });
  const interrupted = { state: 'interrupted', progress: { total: 2, done: 1, 'in-progress': 1 } };
  assert.deepEqual(await status(), { result: interrupted });

  // It said this a moment before it died, and cannot withdraw it.
  await stopped.sql(
    `insert into fhir_bucket_loader.replica_progress (bucket, replica, updated_at, bytes_per_second, rows_per_second, files)
     select $1, gen_random_uuid(), clock_timestamp(), 7, 7, jsonb_build_object(id, '{"bytes": 9, "rows": 9}'::jsonb)
       from loaderfile where resource ->> 'status' = 'in-progress'`,
    [`s3://${bucket}`],
  );
  const { body } = await stopped.rpc(METHOD, { bucket: `s3://${bucket}`, verbose: true });
  const { replicas, rate, files, resources, 'eta-seconds': eta } = body.result as Record<string, unknown>;
  assert.deepEqual(
    { replicas, rate, files, resources, eta },
    {
      replicas: 0,
      rate: { 'bytes-per-second': 0, 'resources-per-second': 0 },
      files: [],
      resources: { loaded: 3 },
      eta: undefined,
    },
  );

  const again = await stopped.startLoad(bucket);
  assert.equal((again.body.result as { 'new-files-count': number })['new-files-count'], 0);
  assert.deepEqual(await stopped.ended(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
  assert.deepEqual(await stopped.sql('select count(*)::int as rows from patient'), [{ rows: 6 }]);
});
