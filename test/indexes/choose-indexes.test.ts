import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { estimateNdjson } from '../../src/indexes/choose-indexes.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const AUTO = { 'disable-idx?': 'auto' };

const server = await startTestServer({ after });
const { sql, bucketOf, load, startLoad, ended } = server;

/** Resources of about 20 MB. */
const much = (type: string) => {
  const note = 'x'.repeat(100_000);
  return Array.from({ length: 200 }, (_, n) => ({ id: `${type}-${n}`, note }));
};

const indexed = async (type: string, rows = '') => {
  const table = type.toLowerCase();
  await load(await bucketOf({ [`${type}.ndjson`]: rows }));
  await sql(`create index ${table}_by_ts on ${table} (ts)`);
};

const stands = async (table: string) =>
  (await sql(`select from pg_class where relname = $1`, [`${table}_by_ts`])).length;

const verbose = async (bucket: string) => {
  const { body } = await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}`, verbose: true });
  return body.result as { 'index-choices'?: { table: string; indexes: string; reason: string }[] };
};

test('an empty table that much is loaded into: its indexes are dropped, and status and dry run say why', async (t) => {
  await indexed('Patient');
  const gate = await server.gate(t, 'patient');
  const bucket = await bucketOf({ 'Patient.ndjson': much('Patient') });
  const { body } = await startLoad(bucket, { ...AUTO, 'dry-run?': true });
  const { message, 'dry-run': report } = body.result as { message: string; 'dry-run': { types: object[] } };
  assert.match(
    message,
    /Indexes of Patient would be dropped\. Dropping them pays: the table takes 0\.0 MB, and about 20 MB/,
  );
  assert.match(JSON.stringify(report.types), /"index-choice":{"indexes":"dropped","reason":"Dropping them pays/);
  assert.equal(await stands('patient'), 1);
  await startLoad(bucket, AUTO);
  await gate.reached();
  assert.equal(await stands('patient'), 0);
  assert.match(
    JSON.stringify((await verbose(bucket))['index-choices']),
    /"table":"patient","indexes":"dropped","reason":"Dropping/,
  );
  await gate.open();
  assert.equal((await ended(bucket)).state, 'completed');
  assert.equal(await stands('patient'), 1);
});

test('a table that holds as much as comes keeps its indexes, and status and dry run say why', async (t) => {
  await load(await bucketOf({ 'Goal.ndjson': '' }));
  // Random bytes, which Postgres cannot compress.
  await sql(`insert into goal (id, txid, status, resource)
             select 'there-' || n, 1, 'created', jsonb_build_object('note', (select string_agg(md5(concat(random(), n, m)), '') from generate_series(1, 1000) m))
               from generate_series(1, 200) n`);
  await sql('create index goal_by_ts on goal (ts)');
  const gate = await server.gate(t, 'goal');
  const bucket = await bucketOf({ 'Goal.ndjson': much('Goal') });
  const { body } = await startLoad(bucket, { ...AUTO, 'dry-run?': true });
  assert.match(JSON.stringify(body), /Indexes of Goal would be kept\. Rebuilding them over all rows would take longer/);
  await startLoad(bucket, AUTO);
  await gate.reached();
  assert.equal(await stands('goal'), 1);
  assert.match(
    JSON.stringify((await verbose(bucket))['index-choices']),
    /"table":"goal","indexes":"kept","reason":"Rebuilding/,
  );
  await gate.open();
  assert.equal((await ended(bucket)).state, 'completed');
  assert.deepEqual(await sql(`select from disabledindex where resource ->> 'tablename' = 'goal'`), []);
});

test('where little comes, indexes are kept', async () => {
  await indexed('Device');
  const bucket = await bucketOf({ 'Device.ndjson': [{ id: 'd' }] });
  await load(bucket, AUTO);
  assert.match(JSON.stringify((await verbose(bucket))['index-choices']), /"kept","reason":"Too little comes/);
  assert.deepEqual(await sql(`select from disabledindex where resource ->> 'tablename' = 'device'`), []);
});

test('a table without indexes besides its key is no choice, and without auto none is shown', async () => {
  const bucket = await bucketOf({ 'Slot.ndjson': [{ id: 's' }] });
  await load(bucket, AUTO);
  assert.deepEqual((await verbose(bucket))['index-choices'], []);
  await load(bucket, { 'disable-idx?': true });
  assert.equal((await verbose(bucket))['index-choices'], undefined);
});

test('a load that may choose leaves indexes dropped that another one has dropped, and restores those of one that died', async (t) => {
  await indexed('Flag');
  const gate = await server.gate(t, 'flag');
  const first = await bucketOf({ 'Flag-1.ndjson': [{ id: 'f1' }] });
  const second = await bucketOf({ 'Flag-2.ndjson': [{ id: 'f2' }] });
  await startLoad(first, { 'disable-idx?': true });
  await gate.reached();
  await startLoad(second, AUTO);
  await waitFor(async () => (await server.loaderFile(second, 'Flag-2.ndjson')).status === 'in-progress', {
    what: 'it',
  });
  assert.equal(await stands('flag'), 0);
  assert.match(
    JSON.stringify((await verbose(second))['index-choices']),
    /"dropped","reason":"A load in progress has them dropped/,
  );
  await gate.open();
  for (const bucket of [first, second]) assert.equal((await ended(bucket)).state, 'completed');
  assert.equal(await stands('flag'), 1);

  await sql(`drop index flag_by_ts;
             update disabledindex set resource = resource - 'restore' || '{"status": "disabled"}' where resource ->> 'tablename' = 'flag'`);
  const third = await bucketOf({ 'Flag-3.ndjson': [{ id: 'f3' }] });
  assert.equal((await load(third, AUTO)).state, 'completed');
  assert.match(JSON.stringify((await verbose(third))['index-choices']), /"kept"/);
  assert.equal(await stands('flag'), 1);
});

test('a second call must choose as the first one does', async (t) => {
  await load(await bucketOf({ 'Group.ndjson': '', 'List.ndjson': '' }));
  const gate = await server.gate(t, 'list');
  const bucket = await bucketOf({ 'List.ndjson': [{ id: 'l' }] });
  await startLoad(bucket, AUTO);
  await gate.reached();
  const { status, body } = await startLoad(bucket, { 'disable-idx?': true });
  assert.equal(status, 422);
  assert.match(body.error?.message ?? '', /is being loaded with disable-idx\?: auto\./);
  await gate.open();
  await ended(bucket);
});

test('any other word is refused, with what may be written', async () => {
  const { status, body } = await startLoad(await bucketOf({}), { 'disable-idx?': 'never' });
  assert.equal(status, 422);
  assert.match(JSON.stringify(body.error), /disable-idx\?/);
  assert.match(JSON.stringify(body.error), /auto/);
});

test('compressed objects are taken to hold five times their bytes', () => {
  assert.equal(
    estimateNdjson([
      { key: 'a.ndjson', size: 1 },
      { key: 'b.ndjson.gz', size: 10 },
      { key: 'c.ndjson.zst', size: 100 },
    ]),
    551,
  );
});
