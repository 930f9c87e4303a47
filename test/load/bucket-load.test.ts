import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { addLoaderFiles } from '../../src/store/loader-file/add-loader-files.ts';
import { lastFirst } from '../support/last-first.ts';
import { patients } from '../support/ndjson.ts';
import { type LogLine, ServerProcess } from '../support/server-process.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const { sql, load, bucketOf, startLoad, ended } = server;

/** How many of a bucket's files have a status. */
const filesOf = async (bucket: string, status: string) =>
  (
    await sql(`select from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = $2`, [
      `s3://${bucket}`,
      status,
    ])
  ).length;

describe('while one file takes long', () => {
  test('a further call leaves no thread idle', async (t) => {
    await load(await bucketOf({ 'Observation.ndjson': '', 'Patient.ndjson': '' }));
    const long = await server.gate(t, 'observation');
    const short = await server.gate(t, 'patient');
    const bucket = await bucketOf({
      // The largest is the first to be begun.
      'Observation-long.ndjson': patients(50, 'o').map((row) => ({ ...row, resourceType: 'Observation' })),
      'Patient-1.ndjson': [{ id: '1' }],
      'Patient-2.ndjson': [{ id: '2' }],
      'Patient-3.ndjson': [{ id: '3' }],
    });
    await startLoad(bucket, { 'thread-num': 2 });
    await waitFor(async () => (await filesOf(bucket, 'in-progress')) === 2, { what: 'both threads at work' });
    await startLoad(bucket, { 'thread-num': 2 });
    await short.open();
    await waitFor(async () => (await filesOf(bucket, 'done')) === 3, { what: 'the short files' });
    assert.equal(await filesOf(bucket, 'in-progress'), 1);
    await long.open();
    assert.deepEqual(await ended(bucket), { state: 'completed', progress: { total: 4, done: 4 } });
  });

  test('a further call’s files and threads are put to work', async (t) => {
    await load(await bucketOf({ 'Encounter.ndjson': '' }));
    const long = await server.gate(t, 'encounter');
    const bucket = await bucketOf({ 'Encounter.ndjson': [{ id: 'long' }] });
    await startLoad(bucket, { 'thread-num': 1 });
    await long.reached();
    await server.s3.putObject(bucket, 'Goal-1.ndjson', '{"id":"new"}');
    await startLoad(bucket, { 'thread-num': 2 });
    await waitFor(async () => (await filesOf(bucket, 'done')) === 1, { what: 'the new file' });
    await long.open();
    assert.equal((await ended(bucket)).state, 'completed');
  });

  test('what another replica has queued and does not load is taken by a thread that has nothing to do', async (t) => {
    await load(await bucketOf({ 'Encounter.ndjson': '', 'Goal.ndjson': '' }));
    const long = await server.gate(t, 'encounter');
    const bucket = await bucketOf({ 'Encounter.ndjson': [{ id: 'longer' }] });
    await startLoad(bucket, { 'thread-num': 2 });
    await long.reached();
    const content = '{"id":"queued"}';
    await server.s3.putObject(bucket, 'Goal-2.ndjson', content);
    const etag = `"${createHash('md5').update(content).digest('hex')}"`;
    const client = new pg.Client(server.database.connection);
    await client.connect();
    const object = { key: 'Goal-2.ndjson', size: content.length, etag, lastModified: new Date() };
    await addLoaderFiles(client, `s3://${bucket}`, [{ ...object, type: 'Goal' }]);
    await client.end();
    await waitFor(async () => (await filesOf(bucket, 'done')) === 1, { what: 'the queued file' });
    await long.open();
    assert.equal((await ended(bucket)).state, 'completed');
  });
});

describe('a table that cannot be made or changed', () => {
  test('only its own files fail, with the reason', async () => {
    await sql(`create type account as enum ('not a table')`);
    const bucket = await bucketOf({ 'Account.ndjson': [{ id: 'a' }], 'Patient.ndjson': [{ id: 'beside' }] });
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 2, done: 1, error: 1 } });
    const { message, error } = await server.loaderFile(bucket, 'Account.ndjson');
    assert.equal(error?.source, 'postgres');
    assert.match(
      message ?? '',
      new RegExp(`^${error?.code}: ERROR: .*"?account"?.* \\(making the table of Account\\)$`),
    );
    await sql('drop type account');
    await server.rpc('aidbox.bulk/load-from-bucket-retry', { bucket: `s3://${bucket}` });
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
  });

  /** A server in a process of its own, whose tables of Account and Goal take no files, and a connection to its database. */
  async function startLogging(t: TestContext): Promise<{ logging: ServerProcess; client: pg.Client }> {
    const parts = lastFirst(t);
    const database = await createTestDatabase(parts);
    const logging = await ServerProcess.start(parts, { databaseUrl: database.url });
    const client = new pg.Client(database.connection);
    await client.connect();
    parts.after(() => client.end());
    await client.query(`create type account as enum ('not a table'); create table goal (id text primary key)`);
    return { logging, client };
  }

  /** What its log has said, until its end, of files that failed for their table. */
  async function failuresSaid(logging: ServerProcess): Promise<LogLine[]> {
    await logging.terminate();
    return logging.log.filter(({ msg }) => msg.startsWith('files failed'));
  }

  test('the log says of which type, why, and how many files', async (t) => {
    const { logging } = await startLogging(t);
    const bucket = await bucketOf({ 'Account-1.ndjson': '', 'Account-2.ndjson': '', 'Goal.ndjson': '' });
    const { account } = server.s3;
    await logging.rpc('load-from-bucket', { bucket: `s3://${bucket}`, account });
    assert.deepEqual((await logging.ended(bucket, 300_000)).progress, { total: 3, error: 3 });
    const lines = await failuresSaid(logging);
    assert.deepEqual(lines.map(({ type, files }) => [type, files]).sort(), [
      ['Account', 2],
      ['Goal', 1],
    ]);
    for (const { type, reason } of lines) assert.match(String(reason), type === 'Goal' ? /goal.* txid/ : /account/);
  });

  test('the log says so once each time, also of a file that somebody else holds when it is to fail', async (t) => {
    const { logging, client: holder } = await startLogging(t);
    const bucket = await bucketOf({ 'Account.ndjson': '', 'Goal.ndjson': '' });
    const call = { bucket: `s3://${bucket}`, account: server.s3.account };
    await logging.rpc('load-from-bucket', { ...call, prefixes: ['Goal'] });
    await logging.ended(bucket, 300_000);
    await holder.query(`update loaderfile set resource = resource || '{"status": "pending"}'`);
    await holder.query('begin; select from loaderfile for update');
    assert.equal((await logging.rpc('load-from-bucket', call)).status, 200);
    const accountFailed = async () => (await logging.status(bucket)).progress['error'] === 1;
    await waitFor(accountFailed, { what: 'the failure of the file beside it' });
    await holder.query('rollback');
    assert.deepEqual((await logging.ended(bucket, 300_000)).progress, { total: 2, error: 2 });
    const lines = await failuresSaid(logging);
    assert.deepEqual(lines.map(({ type, files }) => [type, files]).sort(), [
      ['Account', 1],
      ['Goal', 1],
      ['Goal', 1],
    ]);
  });

  test('indexes that the role may not drop stay, and the load goes on', async (t) => {
    const parts = lastFirst(t);
    const database = await createTestDatabase(parts);
    const role = await asOwnRole(parts, database);
    const admin = new pg.Client(database.connection);
    await admin.connect();
    parts.after(() => admin.end());
    const limited = await startTestServer(parts, { database: role });
    await limited.load(await limited.bucketOf({ 'Patient.ndjson': '' }));
    await admin.query('alter table patient owner to current_user');
    await admin.query(`grant select, insert, update, delete on patient to "${role.connection.user}"`);
    const bucket = await limited.bucketOf({ 'Patient-1.ndjson': [{ id: '1' }] });
    const status = await limited.load(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    assert.deepEqual(status, { state: 'completed', progress: { total: 1, done: 1 } });
  });
});

test('a load that is given up says why in its status, until it is called for again', async () => {
  await sql('alter table disabledindex rename to hidden');
  const bucket = await bucketOf({ 'Patient.ndjson': [{ id: 'given-up' }] });
  await startLoad(bucket);
  await waitFor(
    async () => (await sql('select from fhir_bucket_loader.bucket_load where given_up is not null')).length > 0,
    { what: 'the reason' },
  );
  await sql('alter table hidden rename to disabledindex');
  assert.deepEqual(await ended(bucket), {
    state: 'interrupted',
    progress: { total: 1, pending: 1 },
    message:
      'The load was given up: 42P01: ERROR: relation "disabledindex" does not exist. ' +
      'Call aidbox.bulk/load-from-bucket again to retry.',
  });
  assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
});
