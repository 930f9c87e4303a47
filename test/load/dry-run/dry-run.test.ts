import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ANSWERS } from '../../../src/rpc/answers.ts';
import { dryRunAnswer } from '../../../src/rpc/dry-run-answer.ts';
import { ndjson, ndjsonGzip, patients } from '../../support/ndjson.ts';
import { OddS3Server } from '../../support/odd-s3-server.ts';
import { startTestServer, type TestServer } from '../../support/test-server.ts';

const METHOD = 'aidbox.bulk/load-from-bucket';
const server = await startTestServer({ after });

/** All that a dry run must leave as it is: rows, tables, LoaderFiles, calls. */
async function everything(of: TestServer) {
  const tables = await of.sql<{ name: string }>(
    `select quote_ident(schemaname) || '.' || quote_ident(relname) as name from pg_stat_user_tables
      where schemaname in ('public', 'fhir_bucket_loader') order by 1`,
  );
  const counts = [];
  for (const { name } of tables) counts.push([name, (await of.sql(`select * from ${name}`)).length]);
  return counts;
}

async function dryRun(of: TestServer, bucket: string, params: object = {}) {
  const { status, body } = await of.startLoad(bucket, { 'dry-run?': true, ...params });
  assert.equal(status, 200, JSON.stringify(body));
  const answer = ANSWERS[METHOD]?.parse(body.result) as {
    message: string;
    'new-files-count': number;
    'dry-run': unknown;
  };
  return { ...answer, report: dryRunAnswer.parse(answer['dry-run']) };
}

describe('a dry run', () => {
  test('says what a call would do, on an empty database, and does nothing of it', async () => {
    const bucket = await server.bucketOf({
      'fhir/Patient-1.ndjson.gz': patients(3),
      'fhir/Observation.ndjson': [{ id: 'o' }],
      'fhir/Nonsense.ndjson': 'x',
      'fhir/1.ndjson': 'x',
      'fhir/readme.txt': 'x',
      'other/Patient.ndjson': 'x',
    });
    const before = await everything(server);
    const { message, report, 'new-files-count': newFiles } = await dryRun(server, bucket, { prefixes: ['fhir/'] });
    assert.deepEqual(await everything(server), before);
    assert.match(
      message,
      /^Dry run of bucket <s3:\/\/[\w-]+>; nothing is queued or written\. 2 new files; 2 files would be loaded\./,
    );
    assert.equal(newFiles, 2);
    assert.deepEqual(report.files, { new: 2 });
    assert.deepEqual(
      report['first-files'].map(({ file, type, status }) => [file, type, status]),
      [
        ['fhir/Observation.ndjson', 'Observation', 'new'],
        ['fhir/Patient-1.ndjson.gz', 'Patient', 'new'],
      ],
    );
    assert.equal(report.bytes, ndjsonGzip(patients(3)).length + ndjson([{ id: 'o' }]).length);
    assert.deepEqual(
      report['ignored-files'].map(({ file, reason }) => [file, reason]),
      [
        ['fhir/1.ndjson', 'the name does not begin with a letter, as that of a resource type'],
        ['fhir/Nonsense.ndjson', 'the name does not begin with a resource type that is known here: Nonsense'],
        ['fhir/readme.txt', 'the name does not end in .ndjson.gz, .ndjson.zst, .ndjson'],
      ],
    );
    assert.deepEqual(
      report.types.map(({ type, table, problems, ...rest }) => [type, table, rest['table-exists'], problems]),
      [
        ['Observation', 'public.observation', false, []],
        ['Patient', 'public.patient', false, []],
      ],
    );
    assert.match(report.estimate.basis, /^No past load to take a pace from\. No past load of Observation, Patient/);
    assert.equal(report.estimate.seconds, undefined);
    assert.equal(report.disk['needed-bytes'], undefined);
    assert.match(report.disk.basis, /Postgres does not report how much disk is free/);
  });

  test('a key that Postgres has no text for is ignored, with the reason; the load ignores it too', async (t) => {
    const store = await OddS3Server.start(t);
    const names = { nul: 'Patient-nul.ndjson', half: 'Patient-half.ndjson', good: 'Patient-good.ndjson' };
    for (const key of Object.values(names)) store.put(key, ndjson(patients(1, key.slice(8, -7))));
    // Such characters come as XML has them, from a store that does not percent-encode keys.
    store.onList = (page) => {
      page.elements['EncodingType'] = undefined;
      page.contents = page.contents.map((each) => ({
        ...each,
        Key: each.Key?.replace('-nul', '-\0').replace('-half', '-\ud83d'),
      }));
    };
    const { account } = store;
    const { report } = await dryRun(server, 'unstorable', { account });
    assert.deepEqual(
      report['ignored-files'].map(({ reason }) => reason),
      ['the key must not contain U+D83D, half a surrogate pair', 'the key must not contain U+0000'],
    );
    const { status } = await server.startLoad('unstorable', { account });
    assert.equal(status, 200);
    assert.deepEqual(await server.ended('unstorable'), { state: 'completed', progress: { total: 1, done: 1 } });
  });

  test('is as good as its word: the load after it does what it said', async () => {
    const bucket = await server.bucketOf({ 'Group-1.ndjson': patients(2, 'g').map(({ id }) => ({ id })), 'a.txt': '' });
    const { report, message, ...said } = await dryRun(server, bucket);
    const { body } = await server.startLoad(bucket);
    const done = body.result as typeof said;
    assert.deepEqual([done['new-files-count'], report['ignored-files-count']], [said['new-files-count'], 1]);
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
  });

  test('counts files by their standing, and estimates by past loads', async () => {
    const lines = (count: number, prefix: string) => patients(count, prefix).map(({ id }) => ({ id, active: true }));
    const bucket = await server.bucketOf({ 'Device-1.ndjson': lines(5_000, 'a'), 'Device-bad.ndjson': 'no json' });
    await server.load(bucket);
    await server.sql('analyze device');
    await server.s3.putObject(bucket, 'Device-2.ndjson', ndjson(lines(5_000, 'b')));
    const { report, message } = await dryRun(server, bucket);
    assert.deepEqual(report.files, { new: 1, done: 1, error: 1 });
    assert.match(message, /1 failed file would not be loaded; aidbox\.bulk\/load-from-bucket-retry queues/);
    assert.equal(report['files-to-load'], 1);
    // The files are of one form: a byte of one holds as many resources as a byte of the other.
    assert.equal(report.types[0]?.resources, 5_000);
    assert.equal(report.estimate.resources, 5_000);
    assert.ok((report.estimate.seconds ?? 0) >= 1);
    const [size] = await server.sql<{ bytes: number }>(`select pg_total_relation_size('device')::int as bytes`);
    assert.equal(report.disk['needed-bytes'], size?.bytes);
  });

  test('an interrupted load’s files count as to be loaded', async () => {
    const bucket = await server.bucketOf({ 'Basic-1.ndjson': [{ id: 'w' }] });
    await server.load(bucket);
    await server.sql(
      `update loaderfile set resource = resource || '{"status": "pending"}' where resource ->> 'bucket' = $1`,
      [`s3://${bucket}`],
    );
    const { report } = await dryRun(server, bucket);
    assert.deepEqual(report.files, { pending: 1 });
    assert.equal(report['files-to-load'], 1);
  });

  test('names what is wrong with a table, and what the role may not do', async () => {
    await server.sql('create table media (id text primary key, resource text)');
    await server.sql(
      'create table slot (id text, txid bigint not null, ts timestamptz default now(), cts timestamptz default now(), resource_type text, status resource_status not null, resource jsonb not null)',
    );
    const bucket = await server.bucketOf({ 'Media.ndjson': [{ id: 'm' }], 'Slot.ndjson': [{ id: 's' }] });
    const { report, message } = await dryRun(server, bucket);
    const [media, slot] = report.types;
    assert.ok(media?.problems.includes('column resource is text, must be jsonb'), JSON.stringify(media));
    assert.match(slot?.problems[0] ?? '', /^it has no primary key on id alone/);
    assert.match(message, /Files of Media would fail: column txid is missing/);
    const unkeyed = await dryRun(server, bucket, { 'drop-primary-key?': true });
    assert.deepEqual(unkeyed.report.types[1]?.problems, []);
  });

  test('is refused for what the call would be refused for', async () => {
    const { status } = await server.startLoad('no-such-bucket-at-all', { 'dry-run?': true });
    assert.equal(status, 422);
    const { body } = await server.startLoad('any', { 'check-lines?': true });
    assert.deepEqual(
      body.error?.errors?.map(({ path }) => path),
      ['check-lines?'],
    );
  });
});
