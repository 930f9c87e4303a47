import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { urlFromConnection } from '../support/test-server-address.ts';
import { waitFor } from '../support/wait-for.ts';

test('completed is answered only of what a crash of Postgres leaves: also where the loading replica died before its flush', async (t) => {
  const folder = await mkdtemp('/tmp/bucket-status-');
  await chmod(folder, 0o755);
  // A WAL writer that never comes first: only the loader's own flush makes a lazy commit durable.
  const settings = { wal_writer_delay: '10s', wal_writer_flush_after: '1GB' };
  const postgres = await startEmbeddedPostgres({ dataFolder: join(folder, 'data'), settings });
  t.after(async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const url = urlFromConnection(postgres.connection);
  const server = await startTestServer(t, { database: { connection: postgres.connection, url } });
  const bucket = await server.bucketOf({ 'Patient.ndjson': patients(3) });
  await server.load(bucket);

  const lazily = new pg.Client(postgres.connection);
  lazily.on('error', () => {});
  await lazily.connect();
  t.after(() => lazily.end());
  const mark = (status: string) =>
    lazily.query(`update loaderfile set resource = resource || jsonb_build_object('status', $1::text)`, [status]);
  await mark('pending');
  await lazily.query('set synchronous_commit = off');
  await mark('done');
  assert.equal((await server.ended(bucket)).state, 'completed');

  await postgres.restart({ mode: 'immediate' });
  const again = await waitFor(() => server.ended(bucket).catch(() => false as const), { what: 'Postgres' });
  assert.deepEqual(again, { state: 'completed', progress: { total: 1, done: 1 } });
});
