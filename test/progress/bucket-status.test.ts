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
  const settings = {
    wal_writer_delay: '10s',
    wal_writer_flush_after: '1GB',
    wal_level: 'replica',
    max_wal_senders: '1',
  };
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

  // A standby that is away: what it may lack is not told as completed, where the run's end does not say that it was waited for.
  const admin = new pg.Client(postgres.connection);
  admin.on('error', () => {});
  await admin.connect();
  t.after(() => admin.end());
  const standby = async (names: string) => {
    await admin.query(`alter system set synchronous_standby_names = '${names}'`);
    await admin.query('select pg_reload_conf()');
    const isSet = async () =>
      (await admin.query<{ names: string }>(`select current_setting('synchronous_standby_names') as names`)).rows[0]
        ?.names === names;
    await waitFor(isSet, { what: 'the setting' });
  };
  await admin.query('update fhir_bucket_loader.load_run set ended_at = null');
  await standby('absent');
  const answered = server.ended(bucket).then(({ state }) => state);
  const waits = async () =>
    (await admin.query(`select from pg_stat_activity where wait_event = 'SyncRep'`)).rowCount === 1;
  const first = await Promise.race([answered, waitFor(waits, { what: 'a wait for the standby' })]);
  await standby('');
  assert.equal(first, true);
  assert.equal(await answered, 'completed');
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
