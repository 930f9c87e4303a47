import assert from 'node:assert/strict';
import { chmod, chown, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { readConfig } from '../../src/config.ts';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';
import { startServer } from '../../src/start-server.ts';
import { type Closing, lastFirst } from '../support/last-first.ts';
import { lockWaitsOn } from '../support/lock-waits.ts';
import { patients } from '../support/ndjson.ts';
import { PostgresProxy } from '../support/postgres-proxy/postgres-proxy.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';
import { type LoadStatus, startTestServer, type TestServer } from '../support/test-server.ts';
import { urlFromConnection } from '../support/test-server-address.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const proxy = await S3FaultProxy.start({ after }, server.s3);

/** Reads of objects are so slow that no file ends before `quickly`: a load is met half-way, however slow the machine is. */
const slowly = (chunkBytes = 1) => {
  proxy.rule = ({ method, key }) =>
    method === 'GET' && key !== '' ? { kind: 'trickle', chunkBytes, everyMs: 50 } : undefined;
};
const quickly = () => {
  proxy.rule = () => undefined;
};
const OTHERS = `from pg_stat_activity
  where datname = current_database() and application_name = 'fhir-bucket-loader'`;
const copying = async (on: TestServer) =>
  (await on.sql(`select from pg_stat_progress_copy where datname = current_database()`)).length > 0;
const untilCopying = (on: TestServer) => waitFor(() => copying(on), { what: 'a running COPY' });
const countOf = async (on: TestServer, prefix: string) =>
  (await on.sql<{ n: number }>(`select count(*)::int as n from patient where starts_with(id, $1)`, [`${prefix}-`]))[0]
    ?.n;
const start = (on: TestServer, bucket: string, params: object = {}) =>
  on.startLoad(bucket, { account: proxy.account, ...params });

beforeEach(quickly);

describe('connections that end', () => {
  test('the backend that runs the COPY: the file is loaded again, once', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(2_000, 'copy') });
    slowly();
    await start(server, bucket);
    await untilCopying(server);
    await server.sql(`select pg_terminate_backend(pid) from pg_stat_progress_copy where datname = current_database()`);
    quickly();
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.equal(await countOf(server, 'copy'), 2_000);
  });

  test('the session of the load: it reconnects, and the load goes on', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(3_000, 'session') });
    slowly();
    await start(server, bucket);
    await untilCopying(server);
    const holders = async () =>
      await server.sql<{ pid: number }>(
        `select distinct l.pid from pg_locks l join pg_stat_activity a using (pid)
          where l.locktype = 'advisory' and l.granted and a.datname = current_database()`,
      );
    const [lost] = await holders();
    await server.sql('select pg_terminate_backend($1)', [lost?.pid]);
    const madeAgain = async () => (await holders()).some(({ pid }) => pid !== lost?.pid);
    await waitFor(madeAgain, { what: 'the session, made again' });
    quickly();
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.equal(await countOf(server, 'session'), 3_000);
  });

  for (const [which, condition] of [
    ['all of them', ''],
    ['the one that makes an index', `and wait_event_type = 'Lock'`],
  ] as const)
    test(`${which} while indexes are brought back: they are back without another call`, async (t) => {
      const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(1_500, `finish-${condition.length}`) });
      slowly();
      await start(server, bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
      await untilCopying(server);
      const blocker = new pg.Client(server.database.connection);
      await blocker.connect();
      t.after(() => blocker.end());
      await blocker.query('begin; lock table disabledindex in share mode');
      quickly();
      await waitFor(async () => (await server.sql(lockWaitsOn('disabledindex'))).length > 0, {
        what: 'the restore of an index',
      });
      await server.sql(`select pg_terminate_backend(pid) ${OTHERS} ${condition}`);
      await blocker.query('rollback');
      const indexes = () => server.sql(`select from pg_index where indrelid = 'patient'::regclass and indisprimary`);
      await waitFor(async () => (await indexes()).length === 1, { what: 'the primary key' });
      await waitFor(async () => (await server.ended(bucket)).state === 'completed', { what: 'completed' });
    });
});

test('an immediate restart of Postgres in mid-load: the load goes on by itself, and no replica calls it interrupted', async (t) => {
  const dataFolder = await mkdtemp(join(process.getuid?.() === 0 ? '/tmp' : tmpdir(), 'restart-'));
  await chmod(dataFolder, 0o755);
  const postgres = await startEmbeddedPostgres({ dataFolder, settings: { fsync: 'off' } });
  t.after(async () => {
    await postgres.stop();
    await rm(dataFolder, { recursive: true, force: true });
  });
  const postgresProxy = await PostgresProxy.start(t, postgres.connection);
  const env = { BOX_WEB_PORT: '0', S3_ALLOW_PRIVATE_HOSTS: 'true', LOG_LEVEL: 'silent' };
  const loading = await startServer(readConfig({ ...env, DATABASE_URL: postgresProxy.url }));
  t.after(loading.close);
  const idle = await startServer(readConfig({ ...env, DATABASE_URL: urlFromConnection(postgres.connection) }));
  t.after(idle.close);
  const rpc = async ({ url }: { url: string }, method: string, params: object) => {
    const response = await fetch(`${url}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ method: `aidbox.bulk/${method}`, params }),
    });
    return {
      status: response.status,
      body: (await response.json()) as { result?: { state: string; progress: object; message?: string } },
    };
  };
  const bucket = await server.bucketOf(
    Object.fromEntries(
      Array.from({ length: 6 }, (_, n) => [`Patient-${n}.ndjson.gz`, patients(1_000, `restart-${n}`)]),
    ),
  );
  slowly();
  const call = { bucket: `s3://${bucket}`, account: proxy.account, 'disable-idx?': true, 'drop-primary-key?': true };
  assert.equal((await rpc(loading, 'load-from-bucket', call)).status, 200);
  await waitFor(() => proxy.made['trickle'] !== undefined, { what: 'a file being read' });
  const statusOf = (replica: { url: string }) => rpc(replica, 'load-from-bucket-status', { bucket: `s3://${bucket}` });
  const states = new Set<string | undefined>();
  const client = new pg.Client(postgres.connection);
  const untilCompleted = async (replica: { url: string }) =>
    await waitFor(
      async () => {
        const { status, body } = await statusOf(replica);
        // 503: Postgres is not back yet.
        if (status !== 503) states.add(body.result?.state ?? `status ${status}`);
        return body.result?.state === 'completed' && body.result;
      },
      { what: 'the end of the load' },
    );
  const completed = Promise.all([loading, idle].map(untilCompleted));
  const rejoining = postgresProxy.stopAt({
    matches: (_, statement) => statement.includes('pg_try_advisory_lock_shared') && statement.includes('bucket '),
    holds: 'request',
  });
  await postgres.restart({ mode: 'immediate' });
  await rejoining.reached;
  // To Postgres, nobody holds the bucket's lock now.
  const { body: asked } = await statusOf(idle);
  assert.equal(asked.result?.state, 'in-progress');
  assert.match(asked.result?.message ?? '', /Postgres has just started; the replicas that were loading reconnect/);
  assert.equal((await statusOf(loading)).body.result?.state, 'in-progress');
  rejoining.release();
  quickly();
  assert.equal((await fetch(`${loading.url}/health`)).status, 200);
  for (const { progress } of await completed) assert.deepEqual(progress, { total: 6, done: 6 });
  assert.deepEqual([...states].toSorted(), ['completed', 'in-progress']);
  await client.connect();
  const { rows } = await client.query(
    `select count(*)::int as rows, count(distinct id)::int as ids,
            (select count(*)::int from pg_index where indrelid = 'patient'::regclass) as indexes from patient`,
  );
  await client.end();
  assert.deepEqual(rows, [{ rows: 6_000, ids: 6_000, indexes: 1 }]);
});

describe('limits of the role', () => {
  const startAs = async (t: Closing, options: string) => {
    const parts = lastFirst(t);
    const own = await asOwnRole(parts, await createTestDatabase(parts), options);
    return await startTestServer(parts, { database: own, s3: server.s3 });
  };

  /** Files by status. */
  const filesOf = async (on: TestServer) =>
    await on.sql<{ status: string; n: number }>(
      `select resource ->> 'status' as status, count(*)::int as n from loaderfile group by 1`,
    );
  const fewPatients = (files: number, prefix: string) =>
    Object.fromEntries(
      Array.from({ length: files }, (_, n) => [`Patient-${n}.ndjson.gz`, patients(50, `${prefix}-${n}`)]),
    );

  test('too many connections: files wait for one, none fails', async (t) => {
    // One for the test; four, the least that the guide asks for, for a load that would use nine.
    const limited = await startAs(t, 'connection limit 5');
    const bucket = await limited.bucketOf(fewPatients(12, 'few'));
    const called = async () => (await start(limited, bucket, { 'thread-num': 6 })).status === 200;
    await waitFor(called, { what: 'a call that gets a connection' });
    const done = async () => (await filesOf(limited)).every(({ status }) => status === 'done') && filesOf(limited);
    assert.deepEqual(await waitFor(done, { what: 'the end of the load' }), [{ status: 'done', n: 12 }]);
    assert.equal((await limited.sql<{ n: number }>('select count(*)::int as n from patient'))[0]?.n, 600);
  });

  test('too many connections, and calls again and again: the files get on all the same', async (t) => {
    const limited = await startAs(t, 'connection limit 5');
    const bucket = await limited.bucketOf(fewPatients(12, 'again'));
    const ended = async () => {
      const { body } = await start(limited, bucket, { 'thread-num': 6 });
      if (body.error !== undefined) assert.equal(body.error.code, '53300');
      const files = await filesOf(limited);
      return files.length > 0 && files.every(({ status }) => status === 'done') && files;
    };
    assert.deepEqual(await waitFor(ended, { what: 'the end of the load' }), [{ status: 'done', n: 12 }]);
  });

  test('a thread-num far above the connections: slots follow those, and hardly one is refused', async (t) => {
    const limited = await startAs(t, 'connection limit 16');
    const bucket = await limited.bucketOf(fewPatients(80, 'many'));
    await start(limited, bucket, { 'thread-num': 128 });
    assert.deepEqual((await limited.ended(bucket)).progress, { total: 80, done: 80 });
    const metrics = await (await fetch(`${limited.url}/metrics`)).text();
    const refusals = /^fhir_loader_file_\w+_total\{[^}]*code="53300"[^}]*\} (\d+)$/m.exec(metrics)?.[1] ?? '0';
    // At most one burst, as of files that begin before a count has seen the connections of others; without a limit
    // every file is refused, time and again.
    assert.ok(Number(refusals) <= 16, `${refusals} refusals`);
  });

  test('no connection left: who asks for a status is answered once one is free', async (t) => {
    const holders = lastFirst(t);
    const limited = await startAs(holders, 'connection limit 16');
    const bucket = await limited.bucketOf(fewPatients(1, 'asked'));
    await limited.load(bucket);
    const first = new pg.Client(limited.database.connection);
    first.on('error', () => {});
    await first.connect();
    holders.after(() => first.end());
    const isTaken = async () => {
      const holder = new pg.Client(limited.database.connection);
      holder.on('error', () => {});
      const refused = await holder.connect().catch((error: unknown) => error);
      if (refused === undefined) holders.after(() => holder.end());
      return refused instanceof pg.DatabaseError && refused.code === '53300';
    };
    const ownOnes = `select pg_terminate_backend(pid) ${OTHERS} and usename = current_user`;
    const hasNone = async () => (await isTaken()) && (await first.query(ownOnes)).rowCount === 0;
    await waitFor(hasNone, { what: 'every connection in other hands' });
    const asked = Promise.all([
      limited.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` }),
      limited.rpc('fhir-bucket-loader/history', { bucket: `s3://${bucket}` }),
      fetch(`${limited.url}/LoaderFile`),
    ]);
    // Behind the ones above, and refused as they have been by then.
    for (let n = 0; n < 5; n++) {
      const ready = await fetch(`${limited.url}/ready`);
      assert.deepEqual(await ready.json(), { status: 'not ready', reason: 'the database has no connection free' });
    }
    await first.end();
    assert.deepEqual(
      (await asked).map(({ status }) => status),
      [200, 200, 200],
    );
  });

  test('statement_timeout and its like: a COPY that waits for S3 outlives them', async (t) => {
    const limited = await startAs(t, '');
    const { user } = limited.database.connection;
    // transaction_timeout came with Postgres 17.
    const timeouts = await server.sql<{ name: string }>('select name from pg_settings where name = any ($1)', [
      ['statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout'],
    ]);
    assert.ok(timeouts.length >= 2);
    for (const { name } of timeouts) await server.sql(`alter role ${user} set ${name} = '300ms'`);
    await limited.sql(`select pg_terminate_backend(pid) ${OTHERS}`);
    const bucket = await limited.bucketOf({ 'Patient.ndjson.gz': patients(2_000, 'timeout') });
    slowly(200);
    await waitFor(async () => (await start(limited, bucket)).status === 200, { what: 'connections made anew' });
    assert.deepEqual((await limited.ended(bucket)).progress, { total: 1, done: 1 });
    assert.equal(await countOf(limited, 'timeout'), 2_000);
  });

  test('read-only, as on a standby: the call says so, and the server stays up', async (t) => {
    const limited = await startAs(t, '');
    const { user } = limited.database.connection;
    await server.sql(`alter role ${user} set default_transaction_read_only = on`);
    await limited.sql(`select pg_terminate_backend(pid) ${OTHERS}`);
    const bucket = await limited.bucketOf({ 'Patient.ndjson.gz': patients(1, 'standby') });
    const answer = await waitFor(
      async () => {
        const { status, body } = await start(limited, bucket);
        return body.error?.code === '25006' && { status, ...body.error };
      },
      { what: 'an answer' },
    );
    assert.equal(answer.status, 503);
    assert.match(answer.message ?? '', /takes no writes/);
    assert.equal((await fetch(`${limited.url}/health`)).status, 200);
    const config = readConfig({ DATABASE_URL: limited.database.url, BOX_WEB_PORT: '0', LOG_LEVEL: 'silent' });
    // Also where it starts: the tables are there.
    await (await startServer(config)).close();

    // Once it is the primary, the same call loads.
    await server.sql(`alter role ${user} reset default_transaction_read_only`);
    await limited.sql(`select pg_terminate_backend(pid) ${OTHERS}`);
    await waitFor(async () => (await start(limited, bucket)).status === 200, { what: 'a writable connection' });
    assert.deepEqual((await limited.ended(bucket)).progress, { total: 1, done: 1 });
  });
});

test('a database that takes no connections for a while is waited for', async (t) => {
  const other = await startTestServer(t);
  const name = pg.escapeIdentifier(other.database.connection.database);
  await other.load(await other.bucketOf({ 'Patient.ndjson': '' }));
  const gate = await other.gate(t, 'patient');
  const bucket = await other.bucketOf({ 'Patient-2.ndjson.gz': patients(10, 'closed') });
  await other.startLoad(bucket);
  await gate.reached();
  await server.sql(`alter database ${name} allow_connections false`);
  await other.sql(`select pg_terminate_backend(pid) ${OTHERS}`);
  const status = () => other.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
  await waitFor(async () => (await status()).status === 503, { what: 'a server without its database' });
  await server.sql(`alter database ${name} allow_connections true`);
  await gate.open();
  assert.deepEqual((await other.ended(bucket)).progress, { total: 1, done: 1 });
});

test('a lock on a table whose indexes are to drop: they stay, with a word, and the load ends', async (t) => {
  const bucket = await server.bucketOf({ 'Encounter.ndjson': '{"id":"locked"}' });
  await server.load(await server.bucketOf({ 'Encounter.ndjson': '' }));
  await server.sql(`create index encounter_locked on encounter (ts)`);
  const reader = new pg.Client(server.database.connection);
  await reader.connect();
  t.after(() => reader.end());
  await reader.query('begin; select from encounter');
  await start(server, bucket, { 'disable-idx?': true });
  assert.deepEqual((await server.ended(bucket)).progress, { total: 1, done: 1 });
  await reader.query('rollback');
  const indexes = await server.sql(`select from pg_class where relname = 'encounter_locked'`);
  assert.equal(indexes.length, 1);
});

test('a full disk is waited for, the status says so, and the load goes on once there is room', async (t) => {
  const disk = await mountSmallDisk(t, 12);
  if (disk === undefined) return t.skip('no small file system can be mounted here');
  const [owner] = await server.sql<{ folder: string }>(`select current_setting('data_directory') as folder`);
  const { uid, gid } = await stat(owner?.folder ?? '').catch(() => ({ uid: -1, gid: -1 }));
  if (uid < 0) return t.skip('Postgres is on another machine');
  await chown(disk, uid, gid);
  const space = `small_${process.pid}`;
  await server.sql(`create tablespace ${space} location '${disk}'`);
  await server.load(await server.bucketOf({ 'Device.ndjson': '', 'Location.ndjson': '{"id":"l"}' }));
  await server.sql(`alter table device set tablespace ${space}`);
  const large = Array.from({ length: 60_000 }, (_, n) => ({ id: `device-${n}`, text: 'x'.repeat(300) }));
  const bucket = await server.bucketOf({ 'Device-1.ndjson.gz': large, 'Location-1.ndjson': '{"id":"small"}' });
  const statusOf = async () =>
    (await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` })).body.result as LoadStatus;
  await server.startLoad(bucket);
  const waiting = await waitFor(
    async () => {
      const status = await statusOf();
      return status.progress['done'] === 1 && status.message !== undefined && status;
    },
    { what: 'the word on the full disk' },
  );
  assert.equal(waiting.state, 'in-progress');
  assert.match(waiting.message ?? '', /53100: .*No space left on device/);
  assert.equal(waiting.progress['error'], undefined);
  assert.equal((await server.sql(`select from location where id = 'small'`)).length, 1);

  await server.sql('alter table device set tablespace pg_default');
  await server.sql(`drop tablespace ${space}`);
  assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
  assert.equal((await server.sql<{ n: number }>('select count(*)::int as n from device'))[0]?.n, 60_000);
});

test('a protocol violation is the file’s, and fails it at once, while the others are loaded', async () => {
  await server.load(await server.bucketOf({ 'Media.ndjson': '' }));
  await server.sql(`
    create function violate() returns trigger language plpgsql as $$ begin
      if new.id = 'poison' then raise exception 'insufficient data' using errcode = '08P01'; end if;
      return new;
    end $$;
    create trigger violate before insert on media for each row execute function violate()`);
  const bucket = await server.bucketOf({
    'Media-poison.ndjson': [{ id: 'poison' }],
    ...Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`Media-${n}.ndjson`, [{ id: `m${n}` }]])),
  });
  assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 11, done: 10, error: 1 } });
  assert.deepEqual((await server.loaderFile(bucket, 'Media-poison.ndjson')).error, {
    source: 'postgres',
    code: '08P01',
  });
});
