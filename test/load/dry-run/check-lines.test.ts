import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { dryRunAnswer } from '../../../src/rpc/dry-run-answer.ts';
import { APPLICATION_NAME } from '../../../src/store/connection-options.ts';
import { ndjson, ndjsonGzip, patients } from '../../support/ndjson.ts';
import { S3FaultProxy } from '../../support/s3-fault-proxy.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';

const server = await startTestServer({ after });
const proxy = await S3FaultProxy.start({ after }, server.s3);

async function check(bucket: string, params: object = {}) {
  const { status, body } = await server.startLoad(bucket, { 'dry-run?': true, 'check-lines?': true, ...params });
  assert.equal(status, 200, JSON.stringify(body));
  const { 'dry-run': report, message } = body.result as { 'dry-run': unknown; message: string };
  const { lines } = dryRunAnswer.parse(report);
  assert.ok(lines !== undefined);
  return { lines, message };
}

/** Sessions that keep ids. */
const sessions = async () =>
  (
    await server.sql(
      `select from pg_class c where relname = 'seen_id' and relpersistence = 't'
          and exists (select from pg_stat_activity where application_name = $1 and datname = current_database())`,
      [APPLICATION_NAME],
    )
  ).length;

describe('check-lines?', () => {
  test('finds bad lines and unreadable files, all of them counted, and writes nothing', async () => {
    const many = Array.from({ length: 150 }, () => '{"no":"id"}\n').join('');
    const bucket = await server.bucketOf({
      'Patient-1.ndjson.gz': patients(20_000, 'one'),
      'Patient-2.ndjson': `{"id":"x"}\nno json\n\n{"resourceType":"Group","id":"y"}\n{"id":"z"}\n`,
      'Patient-3.ndjson': many,
      'Patient-4.ndjson.gz': ndjsonGzip(patients(1_000, 'cut')).subarray(0, 300),
    });
    const { lines, message } = await check(bucket, { 'max-errors': 2, 'thread-num': 2 });
    assert.equal(lines.files, 4);
    assert.equal(lines['bad-lines-count'], 152);
    assert.equal(lines['bad-lines'].length, 100);
    const ofSecond = lines['bad-lines'].filter(({ file }) => file === 'Patient-2.ndjson');
    assert.deepEqual(
      ofSecond.map(({ line, code }) => [line, code]),
      [
        [2, 'not-an-object'],
        [4, 'type-differs'],
      ],
    );
    assert.match(ofSecond[0]?.message ?? '', /^line 2: the line is not a JSON object/);
    assert.deepEqual(
      lines['unreadable-files'].map(({ file, error }) => [file, error.code]),
      [['Patient-4.ndjson.gz', 'bad-gzip']],
    );
    assert.equal(lines['unreadable-files-count'], 1);
    // Two bad lines of the second are left out, 150 of the third are too many.
    assert.equal(lines['files-to-fail-count'], 2);
    assert.match(message, /4 files read, \d+ resources: 152 bad lines, 1 unreadable file, 0 ids in more than one file/);
    assert.deepEqual(
      await server.sql(`select from loaderfile where resource ->> 'bucket' = $1`, [`s3://${bucket}`]),
      [],
    );
    assert.deepEqual(await server.sql('select from fhir_bucket_loader.bucket_load'), []);
    assert.deepEqual(await server.sql(`select to_regclass('patient') as found`), [{ found: null }]);
    await waitFor(async () => (await sessions()) === 0, { what: 'the end of the session that kept ids' });
  });

  test('finds the same failures that the load then has', async () => {
    const bucket = await server.bucketOf({
      'Observation-1.ndjson': '{"id":"a","valueString":"x","value":{"string":"y"}}\n',
      'Observation-2.ndjson': '{"id":"b","meta":{"lastUpdated":"yesterday"}}\n',
      'Observation-3.ndjson': '{"id":"c\\u002dd"}\n',
    });
    const { lines } = await check(bucket, { 'keep-last-updated?': true });
    await server.load(bucket, { 'keep-last-updated?': true });
    const failed = await server.sql<{ file: string; code: string }>(
      `select resource ->> 'file' as file, resource #>> '{error,code}' as code from loaderfile
        where resource ->> 'bucket' = $1 and resource ->> 'status' = 'error' order by 1`,
      [`s3://${bucket}`],
    );
    assert.equal(failed.length, 2);
    assert.deepEqual(
      lines['bad-lines'].map(({ file, code }) => ({ file, code })).sort((a, b) => (a.file < b.file ? -1 : 1)),
      failed,
    );
    assert.equal(lines.resources, 1);
  });

  test('finds ids that stand in two files, or twice in one, by type, with their places', async () => {
    const bucket = await server.bucketOf({
      'a/Patient.ndjson.gz': [...patients(30_000, 'p'), { id: 'both' }, { id: 'esc-1' }],
      'b/Patient.ndjson.gz': [...patients(30_000, 'q'), { id: 'both' }],
      'b/Patient-2.ndjson': '{"id":"esc\\u002d1"}\n',
      'c/Group.ndjson': [{ id: 'both' }, { id: 'twice' }, { id: 'twice' }],
    });
    const { lines } = await check(bucket, { 'thread-num': 3 });
    assert.equal(lines['ids-in-two-files-count'], 2);
    assert.equal(lines['ids-twice-in-one-file-count'], 1);
    const found = lines['repeated-ids'].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    assert.deepEqual(found, [
      {
        type: 'Patient',
        id: 'both',
        places: [
          { file: 'a/Patient.ndjson.gz', line: 30_001 },
          { file: 'b/Patient.ndjson.gz', line: 30_001 },
        ],
      },
      {
        type: 'Patient',
        id: 'esc-1',
        places: [
          { file: 'a/Patient.ndjson.gz', line: 30_002 },
          { file: 'b/Patient-2.ndjson', line: 1 },
        ],
      },
      {
        type: 'Group',
        id: 'twice',
        places: [
          { file: 'c/Group.ndjson', line: 2 },
          { file: 'c/Group.ndjson', line: 3 },
        ],
      },
    ]);
  });

  test('counts an id that stands in two files and twice in one of them in both ways, and once in all', async () => {
    const bucket = await server.bucketOf({
      'Patient.ndjson.gz': [{ id: 'y1' }, { id: 'y1' }, { id: 'z' }],
      'Patient-2.ndjson': [{ id: 'y1' }, { id: 'thrice' }],
      'Patient-3.ndjson': [{ id: 'thrice' }],
      'Patient-4.ndjson': [{ id: 'thrice' }],
    });
    const { lines } = await check(bucket);
    assert.deepEqual(
      [lines['ids-in-two-files-count'], lines['ids-twice-in-one-file-count'], lines['repeated-ids-count']],
      [2, 1, 2],
    );
    assert.deepEqual(
      lines['repeated-ids'].map(({ id, places }) => [id, places.length]),
      [
        ['thrice', 3],
        ['y1', 3],
      ],
    );
  });

  test('says how many files would fail for ids that stand before, as many as the load then has', async () => {
    const bucket = await server.bucketOf({
      'Basic-1.ndjson': [{ id: 'y' }, { id: 'thrice' }],
      'Basic-2.ndjson': [{ id: 'thrice' }],
      'Basic-3.ndjson': '{"id":"thrice"}\nno json\n',
      'Basic-4.ndjson': [{ id: 'y' }, { id: 'y' }, { id: 'z' }],
      'Basic-5.ndjson': [{ id: 'other' }],
      // Fails by itself, so that nobody meets its ids.
      'Basic-0.ndjson': '{"id":"other"}\n'.concat('no json\n'.repeat(5)),
    });
    const toFail = async (params: object) => (await check(bucket, params)).lines['files-to-fail-count'];
    assert.equal(await toFail({}), 4);
    assert.equal(await toFail({ 'max-errors': 1 }), 3);
    assert.equal(await toFail({ 'max-errors': 2 }), 1);
    assert.equal(await toFail({ 'upsert?': true }), 3);
    assert.equal(await toFail({ 'upsert?': true, 'max-errors': 1 }), 1);
    assert.equal(await toFail({ 'drop-primary-key?': true }), 2);
    assert.equal((await server.load(bucket)).progress['error'], 4);
    const again = await server.bucketOf({
      'Flag-1.ndjson': [{ id: 'y' }],
      'Flag-2.ndjson': [{ id: 'y' }],
      'Flag-3.ndjson': [{ id: 'z' }, { id: 'z' }],
    });
    const { lines, message } = await check(again, { 'upsert?': true });
    assert.equal(lines['files-to-fail-count'], 1);
    assert.match(message, /1 id more than once in a file\. 1 file would fail\.$/);
    assert.equal((await server.load(again, { 'upsert?': true })).progress['error'], 1);
  });

  test('reads files of deletions as the load does: their Bundles are no resources, other lines bad', async () => {
    const deletes = (...urls: string[]) => ({
      resourceType: 'Bundle',
      id: 'same',
      type: 'transaction',
      entry: urls.map((url) => ({ request: { method: 'DELETE', url } })),
    });
    const bucket = await server.bucketOf({
      'Flag.ndjson': [{ id: 'f' }],
      'run/deleted/Flag.ndjson.gz': [deletes('Flag/f', 'Flag/gone'), deletes('Flag/f')],
      'Bundle-1.ndjson': [deletes('Flag/f'), deletes('Flag/f')],
      'deleted/Flag-2.ndjson': [deletes('Flag/f'), { resourceType: 'Flag', id: 'f' }, deletes('LoaderFile/x')],
    });
    const params = { 'apply-deletions?': true, 'upsert?': true, 'keep-last-updated?': true };
    const { lines } = await check(bucket, params);
    assert.deepEqual(
      lines['bad-lines'].map(({ file, line, code }) => [file, line, code]),
      [
        ['deleted/Flag-2.ndjson', 2, 'not-a-deletion'],
        ['deleted/Flag-2.ndjson', 3, 'type-not-loadable'],
      ],
    );
    assert.deepEqual([lines.files, lines.resources, lines['files-to-fail-count']], [4, 1, 1]);
    assert.equal(lines['repeated-ids-count'], 0);
    await server.load(bucket, params);
    const { status, error } = await server.loaderFile(bucket, 'deleted/Flag-2.ndjson');
    assert.deepEqual([status, error?.code], ['error', 'not-a-deletion']);
    for (const key of ['Flag.ndjson', 'run/deleted/Flag.ndjson.gz', 'Bundle-1.ndjson']) {
      assert.equal((await server.loaderFile(bucket, key)).status, 'done', key);
    }
    const { lines: without } = await check(await server.bucketOf({ 'deleted/Flag.ndjson': [deletes('Flag/f')] }));
    assert.deepEqual(
      without['bad-lines'].map(({ code }) => code),
      ['type-differs'],
    );
  });

  test('reads only what would be loaded', async () => {
    const bucket = await server.bucketOf({ 'Device-1.ndjson': [{ id: 'd' }] });
    await server.load(bucket);
    await server.s3.putObject(bucket, 'Device-2.ndjson', ndjson([{ id: 'e' }]));
    const { lines } = await check(bucket);
    assert.deepEqual([lines.files, lines.resources], [1, 1]);
  });

  test('reads `thread-num` files at a time, and ends when the caller leaves', async () => {
    const keys = Array.from({ length: 6 }, (_, n) => `Patient-${n}.ndjson`);
    const bucket = await server.bucketOf(Object.fromEntries(keys.map((key) => [key, patients(10, key)])));
    proxy.requests.length = 0;
    proxy.rule = ({ key }) => (key === '' ? undefined : { kind: 'stall', afterBytes: 10 });
    const leaving = new AbortController();
    const params = { bucket: `s3://${bucket}`, account: proxy.account, 'dry-run?': true, 'check-lines?': true };
    const answer = fetch(`${server.url}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ method: 'aidbox.bulk/load-from-bucket', params: { ...params, 'thread-num': 2 } }),
      signal: leaving.signal,
    });
    const reads = () => proxy.requests.filter(({ key }) => key !== '');
    await waitFor(() => reads().length >= 2, { what: 'the first reads' });
    await waitFor(async () => (await sessions()) === 1, { what: 'the session that keeps ids' });
    leaving.abort();
    await assert.rejects(answer);
    await waitFor(async () => (await sessions()) === 0, { what: 'the end of the session that kept ids' });
    assert.equal(reads().length, 2);
    proxy.rule = () => undefined;
  });

  test('says so when Postgres drops the session that keeps the ids, and reads no further', async () => {
    const keys = Array.from({ length: 4 }, (_, n) => `Patient-${n}.ndjson`);
    const bucket = await server.bucketOf(Object.fromEntries(keys.map((key) => [key, patients(10, key)])));
    const held = Promise.withResolvers<void>();
    proxy.rule = ({ key }) => (key === 'Patient-0.ndjson' ? { kind: 'first', run: () => held.promise } : undefined);
    const answer = server.startLoad(bucket, {
      account: proxy.account,
      'dry-run?': true,
      'check-lines?': true,
      'thread-num': 1,
    });
    await waitFor(async () => (await sessions()) === 1, { what: 'the session that keeps ids' });
    await server.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and query like 'create temporary table seen_id%' and pid <> pg_backend_pid()`,
    );
    held.resolve();
    const { status, body } = await answer;
    assert.equal(status, 503, JSON.stringify(body));
    assert.match(body.error?.message ?? '', /The database cannot be reached now; try again/);
    proxy.rule = () => undefined;
  });
});
