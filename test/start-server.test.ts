import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { startServer } from '../src/start-server.ts';
import { lastFirst } from './support/last-first.ts';
import { patients } from './support/ndjson.ts';
import { onTestServer } from './support/on-test-server.ts';
import { programEnvironment } from './support/program-environment.ts';
import { createTestDatabase } from './support/test-database.ts';
import { startTestServer } from './support/test-server.ts';
import { urlFromConnection } from './support/test-server-address.ts';
import { waitFor } from './support/wait-for.ts';

const SERVER = fileURLToPath(new URL('../src/server.ts', import.meta.url));

const configOf = (url: string, port = 0) =>
  readConfig({ DATABASE_URL: url, BOX_WEB_PORT: String(port), LOG_LEVEL: 'silent', LOADER_SHUTDOWN_GRACE_MS: '0' });

const run = (env: Record<string, string>, flags: readonly string[] = []) =>
  new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const options = { env: programEnvironment(env), timeout: 600_000 };
    execFile(process.execPath, [...flags, SERVER], options, (error, _stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stderr }),
    );
  });

test('npm start without a secret refuses to listen where other machines reach it', async () => {
  const { code, stderr } = await run({ BOX_WEB_HOST: '0.0.0.0' });
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^BOX_WEB_HOST is 0\.0\.0\.0, which other machines can reach, but BOX_ROOT_CLIENT_SECRET is not set\./,
  );
});

test('npm start without its database ends with the reason', async () => {
  const { code, stderr } = await run({ DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/none', BOX_WEB_PORT: '0' });
  assert.equal(code, 1);
  assert.match(stderr, /^Postgres at 127\.0\.0\.1:1 \(user me, database none\) cannot be reached: .*ECONNREFUSED/);
  assert.doesNotMatch(stderr, /\n +at /);
  assert.doesNotMatch(stderr, /hunter2/);
});

describe('a start that cannot succeed ends with one sentence and what to set, without a stack', () => {
  test('settings and addresses', async () => {
    const { connection } = await createTestDatabase({ after });
    const urlOf = (change: Partial<typeof connection>) => urlFromConnection({ ...connection, ...change });
    const own = urlOf({});
    const folder = await mkdtemp(join(tmpdir(), 'start-'));
    after(() => rm(folder, { recursive: true }));
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const withSlash = 'postgres://me:hun/ter2@127.0.0.1:5432/none';
    const cases: [what: string, env: Record<string, string>, message: RegExp][] = [
      ['a wrong URL', { DATABASE_URL: 'here' }, /^DATABASE_URL must have the form /],
      [
        'a data folder below a file',
        { LOADER_DATA_FOLDER: join(SERVER, 'data') },
        /^No database is configured, and .* cannot use data folder .*server\.ts\/data: ENOTDIR.* Set DATABASE_URL /,
      ],
      ...['/proc/x', '/proc/x/y'].map((folder): [string, Record<string, string>, RegExp] => [
        `a data folder that the system cannot make, ${folder}`,
        { LOADER_DATA_FOLDER: folder },
        /^No database is configured, and .* cannot use data folder \/proc.*: .* Set DATABASE_URL /,
      ]),
      [
        'a data folder that takes no file',
        { LOADER_DATA_FOLDER: '/proc' },
        /^Data folder \/proc takes no file owner\.lock: unable to open .* Set DATABASE_URL /,
      ],
      [
        'a data folder that is a device',
        { LOADER_DATA_FOLDER: '/dev/zero' },
        /^No database is configured, and .* cannot use data folder \/dev\/zero: EEXIST.* Set DATABASE_URL /,
      ],
      ...['/dev/zero', fifo, '/dev'].map((file): [string, Record<string, string>, RegExp] => [
        `a certificate that is no file, ${file}`,
        { DATABASE_URL: `${own}${own.includes('?') ? '&' : '?'}sslmode=verify-full&sslrootcert=${file}` },
        /^sslrootcert in DATABASE_URL cannot be read: \/.*: it is not a regular file/,
      ]),
      ['a slash in the password', { DATABASE_URL: withSlash }, /^DATABASE_URL must have the form .*percent-encode/],
      [
        'a missing role',
        { DATABASE_URL: urlOf({ user: 'nobody_here' }) },
        /refused: 28000: FATAL: .*"nobody_here".* Set a role that exists/,
      ],
      [
        'a missing database',
        { DATABASE_URL: urlOf({ database: 'nothing_here' }) },
        /refused: 3D000: FATAL: .* Create the database, or set another one in DATABASE_URL/,
      ],
      [
        'a host that is none',
        { DATABASE_URL: urlOf({ host: 'no-such-host.invalid' }) },
        /cannot be reached: .*(ENOTFOUND|EAI_AGAIN)/,
      ],
      [
        'TLS from a server without',
        { DATABASE_URL: `${own}${own.includes('?') ? '&' : '?'}sslmode=require` },
        /sslmode asks for|cannot be reached/,
      ],
      [
        'an address of another machine',
        { DATABASE_URL: own, BOX_WEB_HOST: '192.0.2.1', BOX_ROOT_CLIENT_SECRET: 's' },
        /^This machine has no address 192\.0\.2\.1\. Set BOX_WEB_HOST/,
      ],
    ];
    for (const [what, env, message] of cases) {
      const { code, stderr } = await run({ BOX_WEB_PORT: '0', LOG_LEVEL: 'silent', ...env });
      assert.equal(code, 1, what);
      assert.match(stderr, message, what);
      assert.doesNotMatch(stderr, /\n.*\S|ter2/, what);
    }
  });

  test('threads that cannot start, since each file would fail', async () => {
    const { url } = await createTestDatabase({ after });
    const env = { DATABASE_URL: url, BOX_WEB_PORT: '0', LOG_LEVEL: 'silent' };
    const inThreads =
      'import { isMainThread } from "node:worker_threads"; if (!isMainThread) throw new Error("no room")';
    for (const [flags, message] of [
      [
        ['--import', `data:text/javascript,${inThreads}`],
        /^No worker thread, .* can start: no room\. Check NODE_OPTIONS, /,
      ],
      [
        ['--permission', '--allow-fs-read=*', '--allow-fs-write=*'],
        /^Node was started with --permission, .*--allow-worker/,
      ],
    ] as const) {
      const { code, stderr } = await run(env, flags);
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n.*\S/);
    }
  });

  test('a role that may not make what the migrations make: Postgres’s own words and where the grants are', async (t) => {
    const parts = lastFirst(t);
    const role = `role_${process.pid}_start`;
    await onTestServer(`create role ${role} login password 'secret'`);
    parts.after(() => onTestServer(`drop role ${role}`));
    const { connection } = await createTestDatabase(parts);
    const config = configOf(urlFromConnection({ ...connection, user: role, password: 'secret' }));
    await assert.rejects(startServer(config), {
      name: 'StartError',
      message: /refused: 42501: ERROR: permission denied for .*docs\/operations\.md has the grants/,
    });
  });
});

test('a port that is taken: the start fails and leaves no connection behind', async (t) => {
  const running = await startTestServer(t);
  const { connection, url } = await createTestDatabase(t);
  const { port } = new URL(running.url);
  await assert.rejects(startServer(configOf(url, Number(port))), {
    name: 'StartError',
    message: `Port ${port} on 127.0.0.1 is in use by another program. Set BOX_WEB_PORT to a free one.`,
  });
  const sessions = 'select from pg_stat_activity where datname = $1';
  await waitFor(async () => (await running.sql(sessions, [connection.database])).length === 0, {
    what: 'the end of the sessions',
  });
});

test('a closed server has let go of its port and its connections, also during a load', async (t) => {
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
