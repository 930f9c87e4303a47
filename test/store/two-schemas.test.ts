import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { identifyFile } from '../../src/target/partitioned/file-identity.ts';
import { gidOf, prepareTransaction } from '../../src/target/partitioned/prepared-transaction.ts';
import { lastFirst } from '../support/last-first.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

describe('two schemas of one database have a loader each', () => {
  let database: TestDatabase;
  let first: TestServer;
  let second: TestServer;
  const parts = lastFirst({ after });

  before(async () => {
    database = await createTestDatabase(parts);
    first = await startTestServer(parts, { database });
    const role = await asOwnRole(parts, database);
    const { user } = role.connection;
    await first.sql(`create schema second authorization ${user}`);
    await first.sql(`alter role ${user} set search_path = second`);
    await first.sql(`grant usage, create on schema fhir_bucket_loader to ${user}`);
    await first.sql(`grant all on all tables in schema fhir_bucket_loader to ${user}`);
    // What the first one has left in doubt, which it does not resolve before it starts again.
    await first.stop();
    const client = new pg.Client(database.connection);
    await client.connect();
    await client.query('create table of_the_first (n int); begin; insert into of_the_first values (1)');
    await prepareTransaction(client, gidOf(await identifyFile(client, 'of-the-first'), 'attempt-1', 0));
    await client.end();
    second = await startTestServer(parts, { database: role, s3: first.s3 });
  });

  const prepared = async () =>
    (await first.sql('select from pg_prepared_xacts where database = current_database()')).length;

  test('the second one starts where the first one has left transactions prepared, and leaves them alone', async () => {
    assert.equal(await prepared(), 1);
    assert.deepEqual(await (await fetch(`${second.url}/ready`)).json(), { status: 'ready' });
  });

  test('each loads into tables of its own, and knows nothing of the other one’s loads', async () => {
    const bucket = await first.bucketOf({ 'Patient.ndjson': [{ id: 'a' }] });
    assert.deepEqual(await second.load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await first.sql('select id from second.patient'), [{ id: 'a' }]);
    assert.equal(await prepared(), 1);
    first = await startTestServer(parts, { database, s3: first.s3 });
    const { body } = await first.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
    assert.match(body.error?.message ?? '', /was never loaded/);
    // With other options than the second one's load, which would be refused for one and the same queue.
    await first.load(bucket, { 'upsert?': true });
    assert.deepEqual(await first.sql('select id from public.patient'), [{ id: 'a' }]);
    assert.equal(await prepared(), 0);
  });
});
