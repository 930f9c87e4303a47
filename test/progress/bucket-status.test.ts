import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';
import { lastFirst } from '../support/last-first.ts';
import { patients } from '../support/ndjson.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';
import { type LoadStatus, startTestServer } from '../support/test-server.ts';
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

test('rows that a loader of another role has prepared, and this role may not finish: the status says who may', async (t) => {
  const parts = lastFirst(t);
  const database = await createTestDatabase(parts);
  const server = await startTestServer(parts, { database: await asOwnRole(parts, database) });
  await server.load(await server.bucketOf({ 'Patient.ndjson': '' }));
  const gate = await server.gate(t, 'patient');
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': patients(3) });
  await server.startLoad(bucket);
  await gate.reached();
  const status = async () =>
    (await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` })).body.result as LoadStatus;
  assert.equal((await status()).message, undefined);

  const other = new pg.Client(database.connection);
  await other.connect();
  parts.after(() => other.end());
  const { rows } = await other.query<{ gid: string }>(
    `select format('fhir_bucket_loader:%s:%s:attempt:0', 'loaderfile'::regclass::oid, id) as gid
       from loaderfile where resource ->> 'bucket' = $1`,
    [`s3://${bucket}`],
  );
  const gid = pg.escapeLiteral(rows[0]?.gid ?? '');
  await other.query(`begin; prepare transaction ${gid}`);
  const { state, message } = await status();
  await other.query(`rollback prepared ${gid}`);
  const after = await status();
  // Before anything is asserted: the server would wait for the file.
  await gate.open();
  assert.equal(state, 'in-progress');
  assert.match(
    message ?? '',
    new RegExp(
      `^Rows of Patient-1\\.ndjson were prepared by the role ${database.connection.user}, and this role may not`,
    ),
  );
  assert.equal(after.message, undefined);
  assert.deepEqual((await server.ended(bucket)).progress, { total: 1, done: 1 });
});
