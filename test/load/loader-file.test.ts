import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ndjson, patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const { bucketOf, load, startLoad, ended, loaderFile, sql, s3 } = server;

const added = async (bucket: string, params?: object) => {
  const { body } = await startLoad(bucket, params);
  const { progress } = await ended(bucket);
  return { added: (body.result as { 'new-files-count': number })['new-files-count'], progress };
};
const countOf = async (table: string) => (await sql<{ n: number }>(`select count(*)::int as n from ${table}`))[0]?.n;
const deleteFile = (query: string) => fetch(`${server.url}/LoaderFile?${query}`, { method: 'DELETE' });

describe('LoaderFile', () => {
  test('moves from pending through in-progress to done, with start, end and loaded', async (t) => {
    await load(await bucketOf({ 'Goal.ndjson': '' }));
    const { open, reached } = await server.gate(t, 'goal');
    const bucket = await bucketOf({
      'Goal-1.ndjson': [{ id: 'g1', text: 'the larger one, so the first' }],
      'Goal-2.ndjson': [{ id: 'g2' }],
    });
    await startLoad(bucket, { 'thread-num': 1 });
    await reached();
    const during = await loaderFile(bucket, 'Goal-1.ndjson');
    assert.equal(during.status, 'in-progress');
    assert.ok(during.start !== undefined && during.end === undefined && during.loaded === undefined);
    const waiting = await loaderFile(bucket, 'Goal-2.ndjson');
    assert.deepEqual([waiting.status, waiting.start], ['pending', undefined]);
    assert.equal(await countOf('goal'), 0);
    await open();
    await ended(bucket);
    const done = await loaderFile(bucket, 'Goal-1.ndjson');
    assert.equal(done.status, 'done');
    assert.equal(done.loaded, 1);
    assert.ok(done.end !== undefined && done.start !== undefined && done.end >= done.start);
  });

  test('an object with a LoaderFile is skipped, whatever its status, also when the object was replaced', async () => {
    const bucket = await bucketOf({
      'Patient-good.ndjson': patients(2, 'skip'),
      'Patient-bad.ndjson': '{"id":1}',
    });
    assert.deepEqual(await added(bucket), { added: 2, progress: { total: 2, done: 1, error: 1 } });
    await s3.putObject(bucket, 'Patient-good.ndjson', ndjson(patients(5, 'skip-new')));
    await s3.putObject(bucket, 'Patient-bad.ndjson', ndjson(patients(5, 'skip-mended')));
    await sql(
      `update loaderfile set resource = resource || '{"status": "skiped"}'
        where resource ->> 'file' = 'Patient-good.ndjson' and resource ->> 'bucket' = $1`,
      [`s3://${bucket}`],
    );
    assert.deepEqual(await added(bucket), { added: 0, progress: { total: 2, skiped: 1, error: 1 } });
    assert.deepEqual(await sql(`select count(*)::int as n from patient where id like 'skip%'`), [{ n: 2 }]);
  });

  test('after its deletion the file is loaded again, as it then is', async () => {
    const bucket = await bucketOf({ 'Flag-1.ndjson': '{"id":"f1"', 'Flag-2.ndjson': [{ id: 'f2' }] });
    assert.deepEqual((await added(bucket)).progress, { total: 2, done: 1, error: 1 });
    await s3.putObject(bucket, 'Flag-1.ndjson', '{"id":"f1"}');
    assert.equal((await deleteFile('file=Flag-1.ndjson')).status, 200);
    assert.deepEqual(await added(bucket), { added: 1, progress: { total: 2, done: 2 } });
    const { message, error, size } = await loaderFile(bucket, 'Flag-1.ndjson');
    assert.deepEqual([message, error, size], [undefined, undefined, 11]);
    assert.deepEqual(await sql('select id from flag order by id'), [{ id: 'f1' }, { id: 'f2' }]);

    // A done file loaded again meets its own rows: an error without upsert?, an update with it.
    assert.equal((await deleteFile('file=Flag-1.ndjson')).status, 200);
    assert.deepEqual((await added(bucket)).progress, { total: 2, done: 1, error: 1 });
    assert.equal((await loaderFile(bucket, 'Flag-1.ndjson')).error?.code, '23505');
    assert.equal((await deleteFile('file=Flag-1.ndjson')).status, 200);
    assert.deepEqual((await added(bucket, { 'upsert?': true })).progress, { total: 2, done: 2 });
  });

  test('one name in two buckets is two files', async () => {
    const one = await bucketOf({ 'Basic.ndjson': [{ id: 'one' }] });
    const two = await bucketOf({ 'Basic.ndjson': [{ id: 'two' }] });
    await load(one);
    await load(two);
    assert.equal((await loaderFile(one, 'Basic.ndjson')).bucket, `s3://${one}`);
    assert.equal((await loaderFile(two, 'Basic.ndjson')).bucket, `s3://${two}`);
    assert.equal(await countOf('basic'), 2);
  });

  test('one that Aidbox wrote, under an id of its own, counts too', async () => {
    const bucket = await bucketOf({ 'List-1.ndjson': [{ id: 'l1' }], 'List-2.ndjson': [{ id: 'l2' }] });
    await sql(
      `insert into loaderfile (id, txid, resource_type, status, resource)
       values ('from-aidbox', nextval('transaction_id_seq'), 'LoaderFile', 'created', $1)`,
      [{ bucket: `s3://${bucket}`, file: 'List-1.ndjson', type: 'List', status: 'done', loaded: 1 }],
    );
    assert.deepEqual(await added(bucket), { added: 1, progress: { total: 2, done: 2 } });
    assert.deepEqual(await sql('select id from list'), [{ id: 'l2' }]);
  });

  test('an object that is gone when its turn comes fails its file with NoSuchKey, and no other', async () => {
    const bucket = await bucketOf({ 'Task-1.ndjson': [{ id: 't1' }], 'Task-2.ndjson': [{ id: 't2' }] });
    await load(bucket);
    await s3.deleteObject(bucket, 'Task-1.ndjson');
    await sql('delete from task');
    await sql(
      `update loaderfile set resource = resource - '{start,end,loaded}'::text[] || '{"status": "pending"}'
        where resource ->> 'bucket' = $1`,
      [`s3://${bucket}`],
    );
    assert.deepEqual(await added(bucket), { added: 0, progress: { total: 2, done: 1, error: 1 } });
    const { message, error } = await loaderFile(bucket, 'Task-1.ndjson');
    assert.equal(message, `NoSuchKey: the bucket or object does not exist (s3://${bucket}/Task-1.ndjson)`);
    assert.deepEqual(error, { source: 'aws', code: 'NoSuchKey' });
  });

  test('a queued object that was replaced is loaded as the next call lists it', async (t) => {
    await load(await bucketOf({ 'Media.ndjson': '' }));
    const { open, reached } = await server.gate(t, 'media');
    const bucket = await bucketOf({
      'Media-1.ndjson': [{ id: 'm1', text: 'the larger one, so the first' }],
      'Media-2.ndjson': [{ id: 'm2' }],
    });
    await startLoad(bucket, { 'thread-num': 1 });
    await reached();
    await s3.putObject(bucket, 'Media-2.ndjson', ndjson([{ id: 'new' }, { id: 'newer' }]));
    await startLoad(bucket, { 'thread-num': 1 });
    await open();
    assert.deepEqual((await ended(bucket)).progress, { total: 2, done: 2 });
    assert.deepEqual(await sql('select id from media order by id'), [{ id: 'm1' }, { id: 'new' }, { id: 'newer' }]);
  });
});

describe('two calls for one bucket at once', () => {
  test('both succeed, no file is taken twice, all are loaded', async () => {
    const objects = Object.fromEntries(
      Array.from({ length: 12 }, (_, n) => [`Slot-${n}.ndjson.gz`, [{ id: `a-${n}` }, { id: `b-${n}` }]]),
    );
    const bucket = await bucketOf(objects);
    const answers = await Promise.all([1, 2, 3].map(() => startLoad(bucket)));
    const results = answers.map(({ status, body }) => {
      assert.equal(status, 200);
      return body.result as { 'new-files-count': number; progress: { total: number } };
    });
    assert.deepEqual(
      results.map((result) => result['new-files-count']).toSorted((a, b) => a - b),
      [0, 0, 12],
    );
    assert.deepEqual(
      results.map(({ progress }) => progress.total),
      [12, 12, 12],
    );
    assert.deepEqual(await ended(bucket), { state: 'completed', progress: { total: 12, done: 12 } });
    assert.equal(await countOf('slot'), 24);
    // Each file had one transaction of its own.
    assert.deepEqual(await sql('select count(distinct txid)::int as n from slot'), [{ n: 12 }]);
  });

  test('the later one’s new files are loaded, though the first load is in progress', async (t) => {
    await load(await bucketOf({ 'Schedule.ndjson': '' }));
    const { open, reached } = await server.gate(t, 'schedule');
    const bucket = await bucketOf({ 'Schedule-1.ndjson': [{ id: 's1' }] });
    await startLoad(bucket);
    await reached();
    await s3.putObject(bucket, 'Encounter-2.ndjson', '{"id":"while-s1-is-held"}');
    const { body } = await startLoad(bucket);
    assert.deepEqual(body.result, {
      message: `Upload from bucket <s3://${bucket}> started. 1 new files added.`,
      progress: { total: 2 },
      'new-files-count': 1,
    });
    await open();
    assert.deepEqual(await ended(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
  });

  test('on two servers of one database as well', async (t) => {
    const other = await startTestServer(t, { database: server.database, s3 });
    const objects = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`Group-${n}.ndjson`, [{ id: `g-${n}` }]]));
    const bucket = await bucketOf(objects);
    const answers = await Promise.all([startLoad(bucket), other.startLoad(bucket)]);
    for (const { status } of answers) assert.equal(status, 200);
    assert.deepEqual(await ended(bucket), { state: 'completed', progress: { total: 12, done: 12 } });
    assert.deepEqual(await other.ended(bucket), { state: 'completed', progress: { total: 12, done: 12 } });
    assert.equal(await countOf('"group"'), 12);
  });

  test('a call that wants rows written otherwise is refused while the first load runs, and not afterwards', async (t) => {
    await load(await bucketOf({ 'Contract.ndjson': '' }));
    const { open, reached } = await server.gate(t, 'contract');
    const bucket = await bucketOf({ 'Contract-1.ndjson': [{ id: 'c1' }] });
    await startLoad(bucket);
    await reached();
    const { status, body } = await startLoad(bucket, { 'upsert?': true });
    assert.equal(status, 422);
    assert.match(body.error?.message ?? '', /is being loaded with upsert\?: false\. Use the same options, or wait/);
    await open();
    await ended(bucket);
    await waitFor(async () => (await startLoad(bucket, { 'upsert?': true })).status === 200, {
      what: 'the accepted call',
    });
    assert.equal((await ended(bucket)).state, 'completed');
  });
});
