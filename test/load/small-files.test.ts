import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { ndjson } from '../support/ndjson.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const proxy = await S3FaultProxy.start({ after }, server.s3);

/** With one slot, half of the files are in the first batch; with so many each is loaded by itself. */
const TOGETHER = { 'thread-num': 1 };
const SINGLY = { 'thread-num': 128 };

const lines = (ids: readonly string[], type = 'Patient') =>
  ndjson(ids.map((id) => ({ resourceType: type, id, active: true })));
const rowsOf = (file: string, count: number, type = 'Patient') =>
  lines(
    Array.from({ length: count }, (_, n) => `${file}-${n}`),
    type,
  );
/** As many good files as make all that are given part of the first batches. */
const many = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`Patient.many-${n}.ndjson.gz`, gzipSync(rowsOf(`many-${n}`, 3))]),
  );

interface Loaded {
  files: Record<string, unknown>[];
  rows: object[];
  errors: object[];
}

/** What became of a bucket's files, but for times and sizes; tables are empty afterwards. */
const takeLoaded = async (bucket: string): Promise<Loaded> => {
  const files = await server.sql<{ file: Record<string, unknown> }>(
    `select resource - '{bucket,start,end,last-modified,etag,size}'::text[] as file from loaderfile
      where resource ->> 'bucket' = $1 order by resource ->> 'file'`,
    [`s3://${bucket}`],
  );
  const rows = await server.sql(
    `select id, resource_type, status, resource, count(*) over (partition by txid)::int as of_one_txid
       from (select * from patient union all select * from observation) r order by id`,
  );
  const errors = await server.sql(
    `select resource - 'bucket' - 'loader-file' as error from loadererror where resource ->> 'bucket' = $1
      order by resource ->> 'file', (resource ->> 'line')::int`,
    [`s3://${bucket}`],
  );
  await server.sql('truncate patient, observation');
  return { files: files.map(({ file }) => file), rows, errors };
};

/** How many transactions have marked the bucket's files as done. */
const transactionsOf = async (bucket: string) => {
  const [row] = await server.sql<{ transactions: number; files: number }>(
    `select count(distinct xmin::text)::int as transactions, count(*)::int as files from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done'`,
    [`s3://${bucket}`],
  );
  return row ?? { transactions: 0, files: 0 };
};

beforeEach(async () => {
  proxy.rule = () => undefined;
  // Both tables are there, and empty.
  await server.load(await server.bucketOf({ 'Patient.ndjson': '', 'Observation.ndjson': '' }));
  await server.sql('truncate patient, observation');
});

const damaged = gzipSync(rowsOf('damaged', 20));
damaged.writeUInt32LE(1, damaged.length - 8);

/** Files of every kind, all small. */
const KINDS: Readonly<Record<string, Buffer | string>> = {
  'Patient.good.ndjson.gz': gzipSync(rowsOf('good', 7)),
  'Patient.plain.ndjson': rowsOf('plain', 5),
  'Patient.zstd.ndjson.zst': zstdCompressSync(rowsOf('zstd', 4)),
  'Patient.members.ndjson.gz': Buffer.concat([gzipSync(rowsOf('member-1', 3)), gzipSync(rowsOf('member-2', 2))]),
  'Patient.padded.ndjson.gz': Buffer.concat([gzipSync(rowsOf('padded', 3)), Buffer.alloc(100)]),
  'Patient.blank-lines.ndjson.gz': gzipSync(`\n\n${rowsOf('blank', 2)}\n \n${rowsOf('blanker', 1)}`),
  'Patient.no-last-feed.ndjson.gz': gzipSync(rowsOf('no-feed', 3).toString().trimEnd()),
  'Patient.only-blank.ndjson.gz': gzipSync('\n\n'),
  'Patient.empty-gzip.ndjson.gz': gzipSync(''),
  'Patient.large-inside.ndjson.gz': gzipSync(rowsOf('large', 30_000)),
  'Patient.cut.ndjson.gz': gzipSync(rowsOf('cut', 20)).subarray(0, -10),
  'Patient.damaged.ndjson.gz': damaged,
  'Patient.garbage.ndjson.gz': Buffer.concat([gzipSync(rowsOf('garbage', 3)), Buffer.from('garbage')]),
  'Patient.hidden.ndjson.gz': Buffer.concat([
    gzipSync(rowsOf('seen', 3)),
    Buffer.alloc(9),
    gzipSync(rowsOf('unseen', 3)),
  ]),
  'Patient.twice-packed.ndjson.gz': gzipSync(gzipSync(rowsOf('twice', 3))),
  'Patient.html.ndjson': '<html><body>Sign in</body></html>',
  'Patient.bad-json.ndjson.gz': gzipSync(`${rowsOf('json', 3)}{"resourceType":"Patient"\n${rowsOf('json-more', 2)}`),
  'Patient.no-id.ndjson.gz': gzipSync(`${rowsOf('id', 3)}{"resourceType":"Patient"}\n`),
  'Patient.other-type.ndjson.gz': gzipSync(rowsOf('other', 2, 'Observation')),
  'Patient.duplicate.ndjson.gz': gzipSync(lines(['twin-1', 'twin-2', 'twin-1'])),
  'Patient.nul.ndjson.gz': gzipSync(
    `${rowsOf('nul', 1)}{"resourceType":"Patient","id":"nul-x","gender":"a\\u0000b"}\n`,
  ),
  'Patient.long-id.ndjson.gz': gzipSync(lines(['short', 'x'.repeat(9_000)])),
  'Observation.good.ndjson.gz': gzipSync(rowsOf('seen-1', 7, 'Observation')),
  'Observation.bad.ndjson.gz': gzipSync(`${rowsOf('seen-2', 2, 'Observation')}nonsense\n`),
};

describe('small files, loaded together', () => {
  for (const params of [{}, { 'max-errors': 2 }, { format: 'as-is' }, { 'drop-primary-key?': true }]) {
    test(`files of every kind come to what each comes to by itself: ${JSON.stringify(params)}`, async () => {
      const objects = { ...KINDS, ...many(40) };
      const together = await server.bucketOf(objects);
      await server.load(together, { ...params, ...TOGETHER });
      const { transactions, files } = await transactionsOf(together);
      assert.ok(files - transactions >= 30, `${files} files in ${transactions} transactions`);
      const found = await takeLoaded(together);
      const singly = await server.bucketOf(objects);
      await server.load(singly, { ...params, ...SINGLY });
      const each = await transactionsOf(singly);
      assert.equal(each.transactions, each.files);
      assert.deepEqual(found, await takeLoaded(singly));
    });
  }

  test('each file has a txid of its own, and keeps the times that its lines bring where asked to', async () => {
    const dated = (id: string, time?: string) => ({
      resourceType: 'Patient',
      id,
      ...(time === undefined ? {} : { meta: { lastUpdated: time } }),
    });
    const bucket = await server.bucketOf({
      'Patient.1.ndjson.gz': [dated('a', '2020-01-02T03:04:05Z'), dated('b')],
      'Patient.2.ndjson.gz': [dated('c', '2021-01-02T03:04:05Z')],
      ...many(20),
    });
    await server.load(bucket, { ...TOGETHER, 'keep-last-updated?': true });
    const rows = await server.sql<{ id: string; ts: Date; isNow: boolean }>(
      `select id, ts, ts > now() - interval '1 hour' as "isNow" from patient where id in ('a', 'b', 'c') order by id`,
    );
    assert.deepEqual(
      rows.map(({ id, ts, isNow }) => [id, isNow ? 'now' : ts.getUTCFullYear()]),
      [
        ['a', 2020],
        ['b', 'now'],
        ['c', 2021],
      ],
    );
    const [counts] = await server.sql<{ txids: number; files: number }>(
      `select count(distinct txid)::int as txids, (select count(*)::int from loaderfile where resource ->> 'bucket' = $1) as files
         from patient`,
      [`s3://${bucket}`],
    );
    assert.equal(counts?.txids, counts?.files);
  });

  test('of two files with the same id one is loaded, the other fails with its line; all others are loaded', async () => {
    const bucket = await server.bucketOf({
      'Patient.twin-1.ndjson.gz': gzipSync(lines(['x-1', 'same'])),
      'Patient.twin-2.ndjson.gz': gzipSync(lines(['y-1', 'y-2', 'same'])),
      ...many(20),
    });
    const { progress } = await server.load(bucket, TOGETHER);
    assert.deepEqual(progress, { total: 22, done: 21, error: 1 });
    const [failed] = await server.sql<{ file: string; code: string; message: string }>(
      `select resource ->> 'file' as file, resource #>> '{error,code}' as code, resource ->> 'message' as message
         from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = 'error'`,
      [`s3://${bucket}`],
    );
    assert.equal(failed?.code, '23505');
    assert.match(failed?.message ?? '', /line [23]/);
    const [rows] = await server.sql<{ n: number }>('select count(*)::int as n from patient');
    assert.equal(rows?.n, 60 + (failed?.file.includes('twin-1') ? 3 : 2));
  });

  test('a row that exists already, in the first of many megabytes of rows, fails its file, and not the others', async () => {
    await server.sql(
      `insert into patient (id, txid, resource_type, status, resource) values ('long-0-0', 0, 'Patient', 'created', '{}')`,
    );
    const text = 'x'.repeat(4_000);
    const long = Array.from({ length: 40 }, (_, n) => [
      `Patient.long-${n}.ndjson.gz`,
      gzipSync(
        ndjson(Array.from({ length: 100 }, (__, m) => ({ resourceType: 'Patient', id: `long-${n}-${m}`, text }))),
      ),
    ]);
    const bucket = await server.bucketOf(Object.fromEntries(long));
    const { progress } = await server.load(bucket, TOGETHER);
    assert.deepEqual(progress, { total: 40, done: 39, error: 1 });
    const failed = await server.loaderFile(bucket, 'Patient.long-0.ndjson.gz');
    assert.deepEqual([failed.status, failed.error], ['error', { source: 'postgres', code: '23505' }]);
    const [rows] = await server.sql<{ n: number }>('select count(*)::int as n from patient');
    assert.equal(rows?.n, 3_901);
    assert.ok((await transactionsOf(bucket)).transactions < 30, 'most are loaded together');
  });

  test('an object that is gone fails as it does by itself; the others are loaded', async () => {
    const bucket = await server.bucketOf({ 'Patient.gone.ndjson': rowsOf('gone', 5), ...many(20) });
    proxy.rule = ({ method, key }) =>
      method === 'GET' && key === 'Patient.gone.ndjson' ? { kind: 'error', status: 404, code: 'NoSuchKey' } : undefined;
    const { progress } = await server.load(bucket, { ...TOGETHER, account: proxy.account });
    assert.deepEqual(progress, { total: 21, done: 20, error: 1 });
    assert.deepEqual((await server.loaderFile(bucket, 'Patient.gone.ndjson')).error, {
      source: 'aws',
      code: 'NoSuchKey',
    });
  });

  test('an object that S3 breaks off in the middle, again and again, is resumed or read anew; the others do not wait for it', async () => {
    const bucket = await server.bucketOf({ 'Patient.broken.ndjson': rowsOf('broken', 50), ...many(20) });
    proxy.rule = ({ method, key, nth }) =>
      method === 'GET' && key === 'Patient.broken.ndjson' && nth < 9
        ? { kind: nth < 3 ? 'reset' : 'hang-up', afterBytes: 100 }
        : undefined;
    const { progress } = await server.load(bucket, { ...TOGETHER, account: proxy.account });
    assert.deepEqual(progress, { total: 21, done: 21 });
    const [rows] = await server.sql<{ n: number }>(`select count(*)::int as n from patient`);
    assert.equal(rows?.n, 110);
  });

  test('while one waits for a row of somebody else, a cancel rolls all of the batch back to the queue', async (t) => {
    const bucket = await server.bucketOf(many(20));
    const holder = await server.holdingTransaction(t);
    await holder.query(`insert into patient (id, txid, status, resource) values ('many-10-1', 0, 'created', '{}')`);
    await server.startLoad(bucket, TOGETHER);
    await server.waitForLock();
    assert.deepEqual(await server.sql('select id from patient'), []);
    await server.rpc('aidbox.bulk/load-from-bucket-cancel', { bucket: `s3://${bucket}` });
    const { state, progress } = await server.ended(bucket);
    assert.deepEqual([state, progress], ['interrupted', { total: 20, pending: 20 }]);
    await holder.query('rollback');
    assert.deepEqual((await server.load(bucket, TOGETHER)).progress, { total: 20, done: 20 });
    const [rows] = await server.sql<{ n: number }>('select count(*)::int as n from patient');
    assert.equal(rows?.n, 60);
  });

  test('while Postgres takes rows, some files are read ahead, not all that a batch has', async (t) => {
    const text = 'x'.repeat(4_000);
    const file = (n: number) =>
      gzipSync(ndjson(Array.from({ length: 10 }, (_, m) => ({ resourceType: 'Patient', id: `f${n}-${m}`, text }))));
    const bucket = await server.bucketOf(
      Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`Patient.${n}.ndjson.gz`, file(n)])),
    );
    const gate = await server.gate(t, 'patient');
    const readBefore = () => proxy.answered.filter((seen) => seen.bucket === bucket && seen.key !== '').length;
    await server.startLoad(bucket, { ...TOGETHER, account: proxy.account });
    await gate.reached();
    // 2 MiB of rows are of 52 of the batch's 150 files.
    await waitFor(() => readBefore() >= 110, { timeoutMs: 30_000, what: 'those that are read ahead' });
    const status = { bucket: `s3://${bucket}` };
    for (let n = 0; n < 10; n++) await server.rpc('aidbox.bulk/load-from-bucket-status', status);
    assert.ok(readBefore() <= 52 + 64, `${readBefore()} are read`);
    await gate.open();
    assert.deepEqual((await server.ended(bucket)).progress, { total: 300, done: 300 });
    assert.equal(readBefore(), 300);
    assert.ok((await transactionsOf(bucket)).transactions < 30, 'they are loaded together');
  });

  test('a LoaderFile that is deleted while its batch is loading waits for it, over REST and by SQL', async (t) => {
    const bucket = await server.bucketOf(many(20));
    const gate = await server.gate(t, 'patient');
    await server.startLoad(bucket, TOGETHER);
    await gate.reached();
    const locked = await server.sql<{ status: string }>(
      `select resource ->> 'status' as status from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = 'in-progress'`,
      [`s3://${bucket}`],
    );
    assert.equal(locked.length, 10, 'all of the batch are shown as in-progress');
    const free = await server.sql(
      `select from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = 'in-progress' for update skip locked`,
      [`s3://${bucket}`],
    );
    assert.equal(free.length, 0, 'and locked');
    const other = await server.holdingTransaction(t);
    const deleted = other.query(
      `delete from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = 'in-progress'`,
      [`s3://${bucket}`],
    );
    // One that comes later would find, and delete, files of the next claim that nobody has locked yet.
    const waiting = `select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like 'delete from loaderfile%'`;
    await waitFor(async () => (await server.sql(waiting)).length > 0, { what: 'the delete to wait for the batch' });
    await gate.open();
    await deleted;
    await other.query('commit');
    assert.equal((await server.ended(bucket)).state, 'completed');
    const [rows] = await server.sql<{ n: number }>('select count(*)::int as n from patient');
    assert.equal(rows?.n, 60);
  });

  test('a backend that is ended in mid-batch: all of its files are loaded in the end, once', async (t) => {
    const bucket = await server.bucketOf(many(40));
    const gate = await server.gate(t, 'patient');
    await server.startLoad(bucket, TOGETHER);
    await gate.reached();
    const ended = await server.sql<{ ended: boolean }>(
      `select pg_terminate_backend(pid) as ended from pg_stat_activity where query like 'copy %' and datname = current_database()`,
    );
    assert.deepEqual(ended, [{ ended: true }]);
    await gate.open();
    const { state, progress } = await server.ended(bucket);
    assert.deepEqual([state, progress], ['completed', { total: 40, done: 40 }]);
    const [rows] = await server.sql<{ n: number; ids: number }>(
      'select count(*)::int as n, count(distinct id)::int as ids from patient',
    );
    assert.deepEqual(rows, { n: 120, ids: 120 });
  });

  test('a table that cannot be written to fails its files only', async () => {
    await server.sql(`alter table observation add constraint never check (false) not valid`);
    const bucket = await server.bucketOf({
      ...many(20),
      'Observation.1.ndjson': rowsOf('o', 2, 'Observation'),
      'Observation.2.ndjson': rowsOf('p', 2, 'Observation'),
    });
    const { progress } = await server.load(bucket, TOGETHER);
    await server.sql('alter table observation drop constraint never');
    assert.deepEqual(progress, { total: 22, done: 20, error: 2 });
    const file = await server.loaderFile(bucket, 'Observation.1.ndjson');
    assert.deepEqual(file.error, { source: 'postgres', code: '23514' });
  });

  test('rows that a trigger keeps out fail their file, and not the others', async () => {
    await server.sql(
      `create function keep_out() returns trigger language plpgsql as $$ begin
         return case when new.id like 'many-3-%' then null else new end; end $$;
       create trigger keep_out before insert on patient for each row execute function keep_out()`,
    );
    const bucket = await server.bucketOf(many(20));
    const { progress } = await server.load(bucket, TOGETHER);
    await server.sql('drop function keep_out cascade');
    assert.deepEqual(progress, { total: 20, done: 19, error: 1 });
    assert.equal((await server.loaderFile(bucket, 'Patient.many-3.ndjson.gz')).error?.code, 'rows-kept-out');
  });

  test('a row that only the commit refuses (a deferred constraint) fails its file, and not the others', async () => {
    await server.sql(
      `create table known (id text primary key); insert into known select concat('many-', n, '-', m) from generate_series(0, 18) n, generate_series(0, 2) m;
       alter table patient add constraint is_known foreign key (id) references known deferrable initially deferred`,
    );
    const bucket = await server.bucketOf(many(20));
    const { progress } = await server.load(bucket, TOGETHER);
    await server.sql('alter table patient drop constraint is_known; drop table known');
    assert.deepEqual(progress, { total: 20, done: 19, error: 1 });
    assert.equal((await server.loaderFile(bucket, 'Patient.many-19.ndjson.gz')).error?.code, '23503');
  });

  test('metrics count each of them', async () => {
    const bucket = await server.bucketOf(many(40));
    await server.load(bucket, TOGETHER);
    const text = await (await fetch(`${server.url}/metrics`)).text();
    assert.ok(text.includes(`fhir_loader_files_ended_total{bucket="s3://${bucket}",outcome="done"} 40\n`));
    assert.ok(text.includes(`fhir_loader_resources_committed_total{bucket="s3://${bucket}"} 120\n`));
    assert.ok(text.includes(`fhir_loader_files_in_flight{bucket="s3://${bucket}"} 0\n`));
  });
});
