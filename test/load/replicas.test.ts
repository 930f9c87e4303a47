import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import type pg from 'pg';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { startReplicaParts } from '../support/replica-parts.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

const LOAD_MS = 60_000;

const { s3, proxy, client, ...parts } = await startReplicaParts({ after });

const replicas: ServerProcess[] = [];
const startReplica = () => parts.startReplica({ LOADER_SHUTDOWN_GRACE_MS: '2000', LOADER_THREADS: '1' });
replicas.push(...(await Promise.all([startReplica(), startReplica(), startReplica()])));
afterEach(async () => {
  quickly();
  for (const [place, replica] of replicas.entries()) if (!replica.running) replicas[place] = await startReplica();
});

const sql = async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
  (await client.query<T>(text, values)).rows;
/** A bucket with so many files of patients, `rows` each, whose ids begin with the bucket's name. */
const bucketOf = async (files: number, rows: number) => {
  const bucket = await s3.createBucket();
  for (let n = 0; n < files; n++) {
    await s3.putObject(bucket, `part-${n % 2}/Patient-${n}.ndjson.gz`, ndjsonGzip(patients(rows, `${bucket}-${n}`)));
  }
  return bucket;
};
const call = async (replica: ServerProcess | undefined, bucket: string, params: object = {}) => {
  const answer = await replica?.rpc('load-from-bucket', {
    bucket: `s3://${bucket}`,
    account: proxy.account,
    'thread-num': 2,
    ...params,
  });
  assert.equal(answer?.status, 200, JSON.stringify(answer?.body));
};
const callAll = (bucket: string, params: object = {}) =>
  Promise.all(replicas.map((replica) => call(replica, bucket, params)));
const statusOf = async (replica: ServerProcess | undefined, bucket: string) => {
  assert.ok(replica);
  return await replica.status(bucket);
};
const ended = async (replica: ServerProcess | undefined, bucket: string) => {
  assert.ok(replica);
  return await replica.ended(bucket, LOAD_MS);
};
const files = async (bucket: string) =>
  Object.fromEntries(
    (
      await sql<{ status: string; n: number }>(
        `select resource ->> 'status' as status, count(*)::int as n from loaderfile where resource ->> 'bucket' = $1 group by 1`,
        [`s3://${bucket}`],
      )
    ).map(({ status, n }) => [status, n]),
  );
const rowsOf = async (bucket: string) =>
  (await sql<{ n: number }>('select count(*)::int as n from patient where starts_with(id, $1)', [`${bucket}-`]))[0]?.n;
/** Log lines of this bucket's files, by replica. */
const logOf = (replica: ServerProcess, bucket: string, msg: string) =>
  replica.log.filter((line) => line['bucket'] === `s3://${bucket}` && line.msg === msg);
/** Bodies are so slow that no file ends before `quickly`: a load is met half-way, however slow the machine is. */
const slowly = () => {
  proxy.rule = ({ method, key }) =>
    method === 'GET' && key !== '' ? { kind: 'trickle', chunkBytes: 1, everyMs: 50 } : undefined;
};
const quickly = () => {
  proxy.rule = () => undefined;
};
const copying = () => sql<{ pid: number }>(`select pid from pg_stat_progress_copy where datname = current_database()`);
const untilCopying = (least: number) =>
  waitFor(async () => (await copying()).length >= least, { what: `${least} files in flight` });

describe('three replicas on one bucket', () => {
  test('all join in; no file is loaded twice; indexes are dropped once and brought back once', async () => {
    await callAll(await bucketOf(0, 0));
    await sql(`create table if not exists patient (id text primary key, txid bigint not null, ts timestamptz default now(),
      cts timestamptz default now(), resource_type text, status resource_status not null, resource jsonb not null)`);
    await sql('create index patient_replicas on patient (ts)');
    const bucket = await bucketOf(24, 300);
    slowly();
    await callAll(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    // Two files of each replica, since none takes more at once.
    await untilCopying(6);
    quickly();
    assert.deepEqual(await ended(replicas[0], bucket), { state: 'completed', progress: { total: 24, done: 24 } });
    assert.equal(await rowsOf(bucket), 24 * 300);
    const loaded = replicas.map((replica) => logOf(replica, bucket, 'file done').map((line) => line['file']));
    for (const own of loaded) assert.ok(own.length > 0, 'a replica loaded nothing');
    assert.equal(loaded.flat().length, 24);
    assert.equal(new Set(loaded.flat()).size, 24);
    const indexes = await sql<{ name: string; status: string; n: number }>(
      `select resource ->> 'indexname' as name, resource ->> 'status' as status, count(*)::int as n from disabledindex
        where resource ->> 'tablename' = 'patient' group by 1, 2 order by 1`,
    );
    assert.deepEqual(indexes, [
      { name: 'patient_pkey', status: 'restored', n: 1 },
      { name: 'patient_replicas', status: 'restored', n: 1 },
    ]);
    assert.equal((await sql(`select from pg_index where indrelid = 'patient'::regclass`)).length, 2);
  });

  test('SIGKILL of one in mid-COPY: the others take its files over within seconds', async () => {
    const bucket = await bucketOf(8, 1_000);
    slowly();
    await callAll(bucket);
    await untilCopying(5);
    const victim = replicas[1];
    assert.ok(victim !== undefined);
    await victim.kill();
    assert.equal((await statusOf(replicas[0], bucket)).state, 'in-progress');
    quickly();
    assert.deepEqual(await ended(replicas[0], bucket), { state: 'completed', progress: { total: 8, done: 8 } });
    assert.equal(await rowsOf(bucket), 8_000);
  });

  test('one that hangs keeps its files: the status says so and names the backends, and ending its process frees them', async () => {
    slowly();
    const bucket = await bucketOf(3, 100);
    const [hung, other] = replicas;
    assert.ok(hung && other);
    await call(hung, bucket);
    await untilCopying(2);
    const held = (await copying()).map(({ pid }) => pid);
    await waitFor(
      async () =>
        (
          await sql<{ files: number }>(
            `select count(*)::int as files from fhir_bucket_loader.replica_progress, jsonb_object_keys(files) where bucket = $1`,
            [`s3://${bucket}`],
          )
        )[0]?.files === 2,
      { what: 'the progress of two files' },
    );
    hung.freeze();
    // As if a minute had passed, once what it had sent is in: a statement on its way would say that it lives.
    const message = await waitFor(
      async () => {
        await sql(
          `update fhir_bucket_loader.replica_progress set updated_at = now() - interval '61 s' where bucket = $1`,
          [`s3://${bucket}`],
        );
        const { message: said = '' } = await statusOf(other, bucket);
        return said.includes('holds 2 files') && said;
      },
      { what: 'the message on both files' },
    );
    assert.match(
      message,
      /^A replica that has said nothing for 6\d s holds 2 files, part-\d\/Patient-\d\.ndjson\.gz first/,
    );
    for (const pid of held) assert.match(message, new RegExp(`\\b${pid}\\b`));

    quickly();
    await call(other, bucket);
    await hung.kill();
    assert.equal((await ended(other, bucket)).message, undefined);
    assert.deepEqual([await files(bucket), await rowsOf(bucket)], [{ done: 3 }, 300]);
  });

  test('SIGKILL of all: interrupted at once, and the next call finishes', async () => {
    const bucket = await bucketOf(6, 1_000);
    slowly();
    await callAll(bucket, { 'disable-idx?': true });
    await untilCopying(3);
    await Promise.all(replicas.map((replica) => replica.kill()));
    const fresh = await startReplica();
    replicas[0] = fresh;
    const status = await statusOf(fresh, bucket);
    assert.equal(status.state, 'interrupted');
    assert.ok((await rowsOf(bucket)) === (status.progress['done'] ?? 0) * 1_000);
    quickly();
    await call(fresh, bucket, { 'disable-idx?': true });
    assert.deepEqual(await ended(fresh, bucket), { state: 'completed', progress: { total: 6, done: 6 } });
    assert.equal(await rowsOf(bucket), 6_000);
    assert.equal((await sql(`select from pg_class where relname = 'patient_replicas'`)).length, 1);
  });

  test('cancel, asked of one, ends the load on all; the next call continues', async () => {
    const bucket = await bucketOf(12, 1_000);
    slowly();
    await callAll(bucket);
    await untilCopying(5);
    const answer = await replicas[2]?.rpc('load-from-bucket-cancel', { bucket: `s3://${bucket}` });
    assert.equal(answer?.status, 200);
    const status = await ended(replicas[0], bucket);
    assert.equal(status.state, 'interrupted');
    assert.deepEqual(await copying(), []);
    assert.equal((await files(bucket))['in-progress'], undefined);
    assert.equal(await rowsOf(bucket), (status.progress['done'] ?? 0) * 1_000);
    quickly();
    await callAll(bucket);
    assert.deepEqual((await ended(replicas[0], bucket)).progress, { total: 12, done: 12 });
    assert.equal(await rowsOf(bucket), 12_000);
  });

  test('retry queues the failed files again, those within the prefixes only', async () => {
    const bucket = await bucketOf(6, 50);
    proxy.rule = ({ key }) => (key === '' ? undefined : { kind: 'error', status: 403, code: 'AccessDenied' });
    await callAll(bucket);
    assert.deepEqual((await ended(replicas[0], bucket)).progress, { total: 6, error: 6 });
    quickly();
    const retried = await replicas[1]?.rpc('load-from-bucket-retry', {
      bucket: `s3://${bucket}`,
      prefixes: ['part-1/'],
    });
    assert.equal((retried?.body.result as Record<string, unknown> | undefined)?.['retried-files-count'], 3);
    await call(replicas[0], bucket);
    assert.deepEqual((await ended(replicas[0], bucket)).progress, { total: 6, done: 3, error: 3 });
    assert.equal(await rowsOf(bucket), 150);
  });
});

describe('SIGTERM', () => {
  const connections = () =>
    sql(`select from pg_stat_activity where datname = current_database() and application_name = 'fhir-bucket-loader'`);

  test('files in flight end within the grace period; exit 0; no connection is left', async () => {
    await Promise.all(replicas.slice(1).map((replica) => replica.terminate()));
    const bucket = await bucketOf(6, 500);
    slowly();
    await call(replicas[0], bucket);
    await untilCopying(2);
    const terminated = replicas[0]?.terminate();
    const { url } = replicas[0] ?? {};
    const refused = () =>
      fetch(`${url}/health`).then(
        () => false,
        () => true,
      );
    await waitFor(refused, { what: 'the beginning of the end' });
    quickly();
    assert.deepEqual(await terminated, { code: 0, signal: null });
    await waitFor(async () => (await connections()).length === 0, { what: 'the end of all connections' });
    const left = await files(bucket);
    assert.ok((left['done'] ?? 0) >= 2, JSON.stringify(left));
    assert.equal(left['in-progress'], undefined);
    assert.equal(await rowsOf(bucket), (left['done'] ?? 0) * 500);
  });

  test('files that do not end in time return to the queue, without a row', async () => {
    await Promise.all(replicas.slice(1).map((replica) => replica.terminate()));
    const bucket = await bucketOf(4, 500);
    proxy.rule = ({ key }) => (key === '' ? undefined : { kind: 'stall', afterBytes: 500 });
    await call(replicas[0], bucket);
    await untilCopying(2);
    // They would wait for their bytes for ever.
    assert.deepEqual(await replicas[0]?.terminate(), { code: 0, signal: null });
    await waitFor(async () => (await connections()).length === 0, { what: 'the end of all connections' });
    assert.deepEqual(await files(bucket), { pending: 4 });
    assert.equal(await rowsOf(bucket), 0);
  });
});
