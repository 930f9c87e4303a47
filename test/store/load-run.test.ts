import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { publishProgress } from '../../src/store/bucket-load/replica-progress.ts';
import { createPool } from '../../src/store/create-pool.ts';
import { endRun, type RunEnd } from '../../src/store/load-run/end-run.ts';
import { enterRun, RUNS_KEPT } from '../../src/store/load-run/enter-run.ts';
import { keepDeletedFiles } from '../../src/store/load-run/keep-deleted-files.ts';
import { listRuns } from '../../src/store/load-run/list-runs.ts';
import { addRunCall, readRunCalls } from '../../src/store/load-run/run-call.ts';
import { MOST_POINTS, readPoints, thinPoints } from '../../src/store/load-run/run-rates.ts';
import { migrate } from '../../src/store/migrate.ts';
import { inTransaction } from '../../src/store/query.ts';
import { lastFirst } from '../support/last-first.ts';
import { createTestDatabase } from '../support/test-database.ts';

const parts = lastFirst({ after });
const database = await createTestDatabase(parts);
await migrate(database.connection);
const pool = createPool(database.connection, { max: 4, onIdleError: () => {} });
parts.after(() => pool.end());
const session = new pg.Client(database.connection);
await session.connect();
parts.after(() => session.end());

const enter = async (bucket: string, known?: number) => {
  await session.query('begin');
  const run = await enterRun(session, bucket, { call: 1n, known });
  await session.query('commit');
  return run;
};
const end = (run: number) =>
  pool.query(`update fhir_bucket_loader.load_run set ended_at = now(), outcome = 'completed' where run = $1`, [run]);

describe('the rate curve', () => {
  const NOTHING = { bytesPerSecond: 0, rowsPerSecond: 0, files: {} };
  /** Publishes as if the run had begun so long ago. */
  const publishAt = async (run: number, replica: string, second: number, rows: number) => {
    await pool.query(
      `update fhir_bucket_loader.load_run set started_at = clock_timestamp() - ($2 + 0.5) * interval '1 s' where run = $1`,
      [run, second],
    );
    return await publishProgress(pool, 's3://curve', replica, NOTHING, { run, bytes: 10 * rows, rows });
  };

  test('never has more points than it may, and loses nothing by that', async () => {
    const run = await enter('s3://curve');
    const replicas = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const;
    const sent = new Map<number, number>();
    let seconds = 1;
    // A week, in steps that grow.
    for (let second = 0, n = 1; second < 7 * 86_400; second += 1 + (second >> 4) * (n % 3), n++) {
      const at = await publishAt(run, replicas[n % 2 === 0 ? 0 : 1], second, n);
      assert.equal(at, Math.floor(second / seconds) * seconds);
      sent.set(second, n);
      if (second >= seconds * MOST_POINTS) seconds = await thinPoints(pool, run, second);
      assert.ok(second < seconds * MOST_POINTS, `${second} at ${seconds} s a point`);
      const points = await readPoints(pool, run);
      assert.ok(points.length <= MOST_POINTS);
    }
    assert.ok(sent.size > 100);
    assert.equal(seconds, 2048);
    const wanted = new Map<number, number>();
    for (const [second, n] of sent) {
      const start = Math.floor(second / seconds) * seconds;
      wanted.set(start, (wanted.get(start) ?? 0) + n);
    }
    assert.deepEqual(
      await readPoints(pool, run),
      [...wanted].map(([second, rows]) => ({ second, rows, bytes: 10 * rows })),
    );
  });

  test('is added up from replicas that publish and thin at the same time', async () => {
    const run = await enter('s3://both');
    const replica = (n: number) => `33333333-3333-4333-8333-${String(n).padStart(12, '0')}`;
    for (const second of [10, MOST_POINTS + 5, 3 * MOST_POINTS]) {
      await pool.query(
        `update fhir_bucket_loader.load_run set started_at = clock_timestamp() - $2 * interval '1 s' where run = $1`,
        [run, second],
      );
      await Promise.all(
        Array.from({ length: 40 }, async (_, n) => {
          await publishProgress(pool, 's3://both', replica(n), NOTHING, { run, bytes: 1, rows: 1 });
          if (n % 4 === 0 && second > MOST_POINTS) await thinPoints(pool, run, second);
        }),
      );
    }
    const points = await readPoints(pool, run);
    assert.equal(
      points.reduce((sum, { rows }) => sum + rows, 0),
      120,
    );
  });

  test('without a run only the progress is published', async () => {
    assert.equal(await publishProgress(pool, 's3://none', '44444444-4444-4444-8444-444444444444', NOTHING), undefined);
    const { rowCount } = await pool.query(`select from fhir_bucket_loader.replica_progress where bucket = 's3://none'`);
    assert.equal(rowCount, 1);
  });
});

test(`the latest ${RUNS_KEPT} runs of each bucket are kept, with all that belongs to them`, async () => {
  const other = await enter('s3://other');
  await pool.query(
    `with run as (
       insert into fhir_bucket_loader.load_run (bucket, first_txid, ended_at, outcome)
       select 's3://old', 1, now(), 'completed' from generate_series(1, ${RUNS_KEPT + 20}) returning run
     ), call as (
       insert into fhir_bucket_loader.load_run_call (bucket, call, run, caller, params, new_files)
       select 's3://old', run + 1, run, '{"via": "api"}', '{}', 0 from run
     ), deleted as (
       insert into fhir_bucket_loader.load_run_deleted (run, loader_file, txid, resource) select run, 'x', 1, '{}' from run
     )
     insert into fhir_bucket_loader.load_run_rate (run, second, bytes, rows) select run, 0, 1, 1 from run`,
  );
  const latest = await enter('s3://old');
  const { rows } = await pool.query<{ n: number; first: string }>(
    `select count(*)::int as n, min(run)::text as first from fhir_bucket_loader.load_run where bucket = 's3://old'`,
  );
  assert.deepEqual(rows, [{ n: RUNS_KEPT, first: String(latest - RUNS_KEPT + 1) }]);
  for (const table of ['load_run_call', 'load_run_deleted', 'load_run_rate']) {
    const left = await pool.query<{ run: string }>(
      `select run from fhir_bucket_loader.${table} where run > $1 and run <= $2 order by run limit 1`,
      [other, latest],
    );
    assert.equal(left.rows[0]?.run, String(latest - RUNS_KEPT + 1), table);
  }
  assert.equal((await listRuns(pool, { run: other, limit: 1 })).length, 1);
});

test('of the calls of a run the first and the latest are kept', async () => {
  const run = await enter('s3://calls');
  for (let call = 1n; call <= 140n; call++)
    await addRunCall(pool, 's3://calls', call, { caller: { via: 'api' }, params: {}, newFiles: 0 });
  const calls = (await readRunCalls(pool, [run], true)).get(run)?.map(({ call }) => call);
  assert.deepEqual(calls, [1, ...Array.from({ length: 99 }, (_, n) => n + 42)]);
  assert.equal((await listRuns(pool, { run, limit: 1 }))[0]?.calls, 140);
});

test('a run lists the calls before its own that no replica has taken up, and counts who joins it', async () => {
  const bucket = 's3://joined';
  const call = (number: bigint) =>
    addRunCall(pool, bucket, number, { caller: { via: 'api' }, params: {}, newFiles: 0 });
  await call(1n);
  await call(2n);
  await call(3n);
  const enterFor = (client: pg.ClientBase, number: bigint) =>
    enterRun(client, bucket, { call: number, known: undefined });
  const run = await enterFor(session, 2n);
  const joined = await inTransaction(pool, (client) => enterFor(client, 3n));
  assert.equal(joined, run);
  const [stored] = await listRuns(pool, { run, limit: 1 });
  const calls = (await readRunCalls(pool, [run], true)).get(run)?.map((each) => each.call);
  assert.deepEqual([stored?.replicas, calls], [2, [1, 2, 3]]);
});

describe('a run is gone on with', () => {
  test('by the load that was in it, also where another replica has ended it meanwhile', async () => {
    const run = await enter('s3://again');
    await end(run);
    assert.equal(await enter('s3://again', run), run);
    const [stored] = await listRuns(pool, { run, limit: 1 });
    assert.deepEqual([stored?.endedAt, stored?.outcome], [null, null]);
  });

  test('by nobody else once it has ended, nor by the load that was in it once another has begun', async () => {
    const first = await enter('s3://next');
    await end(first);
    const second = await enter('s3://next');
    assert.ok(second > first);
    assert.equal(await enter('s3://next', first), second);
  });
});

/** Ends a run as a replica does that has left it. */
const endBy = (bucket: string, run: number, how: RunEnd) =>
  inTransaction(pool, (client) => endRun(client, bucket, run, how));

test('the end of a run is written down once, and not while somebody works in it', async () => {
  const bucket = 's3://ended';
  const run = await enter(bucket);
  const stored = async () => {
    const [{ endedAt, outcome } = {}] = await listRuns(pool, { run, limit: 1 });
    return { endedAt, outcome };
  };
  await endBy(bucket, run, { outcome: 'cancelled' });
  assert.deepEqual(await stored(), { endedAt: null, outcome: null });
  await session.query(`select pg_advisory_unlock_all()`);
  await endBy(bucket, run, { outcome: 'cancelled' });
  const ended = await stored();
  assert.ok(ended.endedAt instanceof Date);
  await endBy(bucket, run, { outcome: 'given-up' });
  assert.deepEqual(await stored(), ended);
  await addRunCall(pool, bucket, 9n, { caller: { via: 'api' }, params: {}, newFiles: 0 });
  assert.deepEqual([...(await readRunCalls(pool, [run], true))], [], 'a call after that is none of it');
});

test('a run is not completed while indexes that were dropped for it are not back', async (t) => {
  const bucket = 's3://lacking';
  const run = await enter(bucket);
  await session.query(`select pg_advisory_unlock_all()`);
  await pool.query(
    `insert into disabledindex (id, txid, resource_type, status, resource)
     values ('lacking', 1, 'DisabledIndex', 'created', '{"bucket": "s3://lacking", "status": "disabled"}')`,
  );
  t.after(() => pool.query('truncate disabledindex'));
  await endBy(bucket, run, { outcome: 'given-up', reason: 'the database was out of reach' });
  const [{ outcome, reason } = {}] = await listRuns(pool, { run, limit: 1 });
  assert.deepEqual([outcome, reason], ['given-up', 'the database was out of reach']);
});

test('of files that are deleted those are kept that the bucket’s run in progress has finished', async () => {
  const ended = await enter('s3://deleted-before');
  await session.query(`select pg_advisory_unlock_all()`);
  await endBy('s3://deleted-before', ended, { outcome: 'completed' });
  const { rows } = await pool.query<{ txid: string }>(`select nextval('transaction_id_seq')::text as txid`);
  const early = rows[0]?.txid ?? '';
  const run = await enter('s3://deleted');
  const other = await enter('s3://deleted-other');
  const late = String(BigInt(early) + 1_000n);
  const file = (id: string, bucket: string, txid: string, status: string) => ({
    id,
    txid,
    ts: new Date(),
    resource: { bucket, status, size: 1 },
  });
  await keepDeletedFiles(pool, [
    file('kept', 's3://deleted', late, 'done'),
    file('failed', 's3://deleted', late, 'error'),
    file('unfinished', 's3://deleted', late, 'pending'),
    file('of-an-earlier-run', 's3://deleted', early, 'done'),
    file('of-a-run-that-ended', 's3://deleted-before', late, 'done'),
  ]);
  const kept = await pool.query<{ run: number; loader_file: string }>(
    `select run::int, loader_file from fhir_bucket_loader.load_run_deleted where run = any ($1) order by loader_file`,
    [[ended, run, other]],
  );
  assert.deepEqual(kept.rows, [
    { run, loader_file: 'failed' },
    { run, loader_file: 'kept' },
  ]);
});

test('what an interrupted run has loaded stays counted when its LoaderFiles are deleted', async () => {
  const bucket = 's3://forgotten';
  const file = (id: string, status: string) =>
    pool.query(
      `insert into loaderfile (id, txid, resource_type, status, resource)
       values ($1, nextval('transaction_id_seq'), 'LoaderFile', 'created',
               jsonb_build_object('bucket', $2::text, 'status', $3::text, 'size', 100, 'loaded', 5))`,
      [id, bucket, status],
    );
  const first = await enter(bucket);
  for (const [id, status] of [
    ['forgotten', 'done'],
    ['refused', 'error'],
    ['unfinished', 'in-progress'],
  ] as const)
    await file(id, status);
  await session.query(`select pg_advisory_unlock_all()`);
  const second = await enter(bucket);
  await pool.query(`delete from loaderfile where id = 'forgotten'`);
  await session.query(`select pg_advisory_unlock_all()`);
  await endBy(bucket, second, { outcome: 'completed' });
  const { done, left, resources } = (await listRuns(pool, { run: first, limit: 1 }))[0]?.figures ?? {};
  assert.deepEqual({ done, left, resources }, { done: 1, left: 1, resources: 5 });
});

test('files that a commit has loaded after their run was counted as interrupted are files of that run', async () => {
  const bucket = 's3://late';
  const file = (id: string, status: string, loaded: number, ofBucket = bucket) =>
    pool.query(
      `insert into loaderfile (id, txid, resource_type, status, resource)
       values ($1, nextval('transaction_id_seq'), 'LoaderFile', 'created',
               jsonb_build_object('bucket', $2::text, 'file', $1::text, 'status', $3::text, 'size', 100, 'loaded', $4::int))`,
      [id, ofBucket, status, loaded],
    );
  const figures = async (run: number) => (await listRuns(pool, { run, limit: 1 }))[0]?.figures;
  const first = await enter(bucket);
  await file('in-time', 'done', 3);
  await file('failed', 'error', 0);
  await file('late', 'in-progress', 0);
  await file('of-another-bucket', 'done', 1, 's3://another');
  const { rows } = await pool.query<{ txid: string }>(`select nextval('transaction_id_seq')::text as txid`);
  await session.query(`select pg_advisory_unlock_all()`);

  // Another replica begins: nobody is in the first run any more.
  const second = await enter(bucket);
  assert.deepEqual([(await figures(first))?.done, (await figures(first))?.left], [1, 1]);
  await pool.query(
    `update loaderfile set txid = $1, resource = resource || '{"status": "done", "loaded": 40}' where id = 'late'`,
    [rows[0]?.txid],
  );
  await file('of-the-second', 'done', 7);
  await session.query(`select pg_advisory_unlock_all()`);
  await endBy(bucket, second, { outcome: 'completed' });

  const { done, left, error, resources, bytes } = (await figures(first)) ?? {};
  assert.deepEqual({ done, left, error, resources, bytes }, { done: 2, left: 0, error: 1, resources: 43, bytes: 200 });
  assert.deepEqual(
    [
      (await figures(second))?.done,
      (await figures(second))?.resources,
      (await listRuns(pool, { run: first, limit: 1 }))[0]?.outcome,
    ],
    [1, 7, 'interrupted'],
  );
});
