import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { lockWaitsOn } from '../support/lock-waits.ts';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const rowsKnown = async (server: TestServer) =>
  (await server.sql<{ rows: number }>(`select reltuples::int as rows from pg_class where oid = 'patient'::regclass`))[0]
    ?.rows;

describe('the planner’s statistics', () => {
  test('follow a load by themselves', async (t) => {
    const server = await startTestServer(t);
    await server.load(await server.bucketOf({ 'Patient.ndjson.gz': patients(300) }));
    await waitFor(async () => (await rowsKnown(server)) === 300, { what: 'the statistics' });
  });

  test('a lock that keeps them waiting holds up neither the load, nor the next one, nor the end of the server', async (t) => {
    const server = await startTestServer(t);
    await server.load(await server.bucketOf({ 'Patient.ndjson.gz': patients(3, 'p') }));
    await waitFor(async () => (await rowsKnown(server)) === 3, { what: 'the statistics' });
    const client = new pg.Client(server.database.connection);
    client.on('error', () => {});
    await client.connect();
    t.after(() => client.end());
    await client.query('begin; lock table patient in share update exclusive mode');

    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(2, 'q') });
    assert.equal((await server.load(bucket)).state, 'completed');
    await server.waitForLock();
    await server.s3.putObject(bucket, 'Patient-2.ndjson.gz', ndjsonGzip(patients(2, 'r')));
    assert.equal((await server.load(bucket)).state, 'completed');
    assert.deepEqual(await server.sql('select count(*)::int as rows from patient'), [{ rows: 7 }]);
    await server.stop();
    assert.equal(await waiting(client), 0);
    await client.query('rollback');
  });
});

async function waiting(client: pg.Client): Promise<number> {
  const { rows } = await client.query(lockWaitsOn('patient'));
  return rows.length;
}
