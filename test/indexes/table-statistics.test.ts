import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import pg from 'pg';
import { pino } from 'pino';
import { z } from 'zod';
import { TableStatistics } from '../../src/indexes/table-statistics.ts';
import { lockWaitsOn } from '../support/lock-waits.ts';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { onTestServer } from '../support/on-test-server.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const ROLE = `statistics_${randomBytes(6).toString('hex')}`;

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

test('of a table of another role, which Postgres passes over with a warning, the log does not say that they are gathered', async (t) => {
  const server = await startTestServer(t);
  await server.load(await server.bucketOf({ 'Patient.ndjson.gz': patients(1), 'Basic.ndjson.gz': patients(1) }));
  await server.sql(`create role ${ROLE}`);
  // After the database, which has what it owns.
  t.after(() => onTestServer(`drop role ${ROLE}`));
  await server.sql(`alter table basic owner to ${ROLE}; grant usage on schema fhir_bucket_loader to ${ROLE};
    grant all on all tables in schema fhir_bucket_loader to ${ROLE}`);
  const pool = new pg.Pool({
    ...server.database.connection,
    options: `-c role=${ROLE} -c client_min_messages=warning`,
  });
  const lines: unknown[] = [];
  const log = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
  new TableStatistics({ pool, buildPool: pool }, log).refresh(['Patient', 'Basic']);
  await waitFor(() => lines.length === 2, { what: 'the log' });
  await pool.end();
  const [gathered, left] = z.array(z.looseObject({ msg: z.string() })).parse(lines);
  assert.deepEqual([gathered?.msg, gathered?.['types']], ['statistics gathered', ['Basic']]);
  assert.deepEqual([left?.msg, left?.['type']], ['statistics left to autovacuum', 'Patient']);
  assert.match(String(left?.['reason']), /permission denied to analyze "patient"|skipping "patient"/);
});

async function waiting(client: pg.Client): Promise<number> {
  const { rows } = await client.query(lockWaitsOn('patient'));
  return rows.length;
}
