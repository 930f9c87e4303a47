import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { startServer } from '../src/start-server.ts';
import { patients } from './support/ndjson.ts';
import { createTestDatabase } from './support/test-database.ts';
import { startTestServer } from './support/test-server.ts';
import { waitFor } from './support/wait-for.ts';

const SERVER = fileURLToPath(new URL('../src/server.ts', import.meta.url));

const configOf = (url: string, port = 0) =>
  readConfig({ DATABASE_URL: url, BOX_WEB_PORT: String(port), LOG_LEVEL: 'silent', LOADER_SHUTDOWN_GRACE_MS: '0' });

const run = (env: Record<string, string>) =>
  new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const options = { env: { PATH: process.env['PATH'], ...env }, timeout: 30_000 };
    execFile(process.execPath, [SERVER], options, (error, _stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stderr }),
    );
  });

test('npm start without a secret refuses to listen where other machines reach it', async () => {
  const { code, stderr } = await run({ BOX_WEB_HOST: '0.0.0.0' });
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^BOX_WEB_HOST is 0\.0\.0\.0, which other machines reach, but BOX_ROOT_CLIENT_SECRET is not set\./,
  );
});

test('npm start without its database ends with the reason', async () => {
  const { code, stderr } = await run({ DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/none', BOX_WEB_PORT: '0' });
  assert.equal(code, 1);
  assert.match(stderr, /The server could not start: .*ECONNREFUSED/);
  assert.doesNotMatch(stderr, /hunter2/);
});

test('a port that is taken: the start fails and leaves no connection behind', async (t) => {
  const running = await startTestServer(t);
  const { connection, url } = await createTestDatabase(t);
  await assert.rejects(startServer(configOf(url, Number(new URL(running.url).port))), { code: 'EADDRINUSE' });
  const sessions = 'select from pg_stat_activity where datname = $1';
  await waitFor(async () => (await running.sql(sessions, [connection.database])).length === 0, {
    what: 'the end of the sessions',
  });
});

test('a closed server has let go of its port and its connections, also with a load under way', async (t) => {
  const watcher = await startTestServer(t);
  const database = await createTestDatabase(t);
  const server = await startTestServer(t, { database, s3: watcher.s3 });
  await server.load(await server.bucketOf({ 'Patient.ndjson': '' }));
  const { open, reached } = await server.gate(t, 'patient');
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': patients(1) });
  await server.startLoad(bucket);
  await reached();
  await server.close();
  await assert.rejects(fetch(`${server.url}/health`), TypeError);
  const ours = `select from pg_stat_activity where datname = $1 and application_name = 'fhir-bucket-loader'`;
  await waitFor(async () => (await watcher.sql(ours, [database.connection.database])).length === 0, {
    what: 'the end of the sessions',
  });
  await open();

  // The file went back to the queue, and the next server's call loads it.
  const next = await startTestServer(t, { database, s3: watcher.s3 });
  const { body } = await next.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
  assert.deepEqual(body.result, { state: 'interrupted', progress: { total: 1, pending: 1 } });
  assert.deepEqual(await next.load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
});

test('without a configured database it serves on an embedded Postgres that keeps its data', async (t) => {
  const folder = await mkdtemp('/tmp/start-server-');
  await chmod(folder, 0o755);
  t.after(() => rm(folder, { recursive: true, force: true }));
  const config = readConfig({ LOADER_DATA_FOLDER: join(folder, 'data'), BOX_WEB_PORT: '0', LOG_LEVEL: 'silent' });
  for (const start of ['first', 'second']) {
    const server = await startServer(config);
    try {
      const client = new pg.Client(server.database);
      await client.connect();
      if (start === 'first') await client.query(`create table kept as select 1 as one`);
      assert.deepEqual((await client.query('select one from kept')).rows, [{ one: 1 }]);
      await client.end();
      assert.equal((await fetch(`${server.url}/health`)).status, 200);
    } finally {
      await server.close();
    }
  }
});
