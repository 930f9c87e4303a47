import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { readConfig } from '../../../src/config.ts';
import { startServer } from '../../../src/start-server.ts';
import { lockFile } from '../../../src/store/loader-file/queue.ts';
import { listUnfinishedFiles } from '../../../src/store/loader-file/unfinished-files.ts';
import { recordDataAttempt } from '../../../src/target/direct/data-attempt.ts';
import { fillFence, plantFence, sweepFences } from '../../../src/target/direct/data-fence.ts';
import { recoverDataAttempt } from '../../../src/target/direct/recover-data-attempt.ts';
import { createTestDatabase } from '../../support/test-database.ts';
import { startTestServer } from '../../support/test-server.ts';
import { urlFromConnection } from '../../support/test-server-address.ts';
import { waitFor } from '../../support/wait-for.ts';

/** One Postgres is coordinator and worker at once. */
const database = await createTestDatabase({ after });
const server = await startTestServer({ after }, { database, env: { LOADER_DATA_URLS: database.url } });
const pool = new pg.Pool(database.connection);
// The server's database is dropped under it, by force.
pool.on('error', () => {});
after(() => pool.end());

const patients = (count: number, prefix: string) => Array.from({ length: count }, (_, n) => ({ id: `${prefix}-${n}` }));

const count = async (prefix: string) =>
  (
    await server.sql<{ rows: number }>('select count(*)::int as rows from patient where starts_with(id, $1)', [prefix])
  )[0]?.rows;

const attempts = async () => await server.sql<{ file: string }>('select file from fhir_bucket_loader.data_attempt');
const fences = async () => await server.sql<{ attempt: string }>('select attempt from fhir_bucket_loader.data_fence');

describe('A file whose rows go by a data connection', () => {
  test('is done with its rows, and leaves nothing behind', async () => {
    const bucket = await server.bucketOf({
      'Patient-1.ndjson.gz': patients(500, 'a'),
      'Patient-2.ndjson': patients(3, 'b'),
    });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
    assert.deepEqual([await count('a'), await count('b')], [500, 3]);
    const { status, loaded } = await server.loaderFile(bucket, 'Patient-1.ndjson.gz');
    assert.deepEqual([status, loaded], ['done', 500]);
    await waitFor(async () => (await fences()).length === 0, { what: 'no fence' });
    assert.deepEqual(await attempts(), []);
  });

  test('has an open attempt meanwhile: nobody claims or deletes it, and a cancel undoes it', async (t) => {
    const gate = await server.gate(t, 'patient');
    const bucket = await server.bucketOf({ 'Patient.ndjson': patients(3, 'gate') });
    await server.startLoad(bucket);
    await gate.reached();
    assert.deepEqual(await attempts(), [{ file: 'Patient.ndjson' }]);
    const [file] = await listUnfinishedFiles(pool, `s3://${bucket}`, []);
    assert.ok(file !== undefined);
    assert.equal(await lockFile(pool, file.id, ['in-progress']), false);
    const deleted = await fetch(`${server.url}/LoaderFile/${file.id}`, { method: 'DELETE' });
    assert.equal(deleted.status, 409);
    await server.rpc('aidbox.bulk/load-from-bucket-cancel', { bucket: `s3://${bucket}` });
    assert.equal((await server.ended(bucket)).state, 'interrupted');
    await gate.open();
    assert.deepEqual([await attempts(), await fences(), await count('gate')], [[], [], 0]);
    assert.equal((await server.load(bucket)).state, 'completed');
    assert.equal(await count('gate'), 3);
  });

  test('resolves references, and has its own dates, as any other', async () => {
    const bucket = await server.bucketOf({
      'Practitioner.ndjson': [{ id: 'd', identifier: [{ system: 's', value: '1' }] }],
      'Basic.ndjson': [
        {
          id: 'b1',
          subject: { reference: 'Practitioner?identifier=s|1' },
          meta: { lastUpdated: '2024-05-01T12:30:00Z' },
        },
        { id: 'b2', subject: { reference: 'Practitioner?identifier=s|2' } },
      ],
    });
    const params = { 'resolve-references?': true, 'keep-last-updated?': true };
    assert.deepEqual((await server.load(bucket, params)).progress, { total: 2, done: 2 });
    const { references } = await server.loaderFile(bucket, 'Basic.ndjson');
    assert.deepEqual(references, { resolved: 1, unresolved: { Practitioner: 1 }, ambiguous: {} });
    assert.deepEqual(
      await server.sql(
        `select id, resource #>> '{subject,id}' as subject, ts = '2024-05-01T12:30:00Z' as dated from basic order by id`,
      ),
      [
        { id: 'b1', subject: 'd', dated: true },
        { id: 'b2', subject: null, dated: false },
      ],
    );
    assert.deepEqual(await attempts(), []);
  });

  test('fails with code and line as any other, and its rows are not there', async () => {
    const bucket = await server.bucketOf({
      'Patient-1.ndjson': [...patients(20, 'bad'), { id: 'bad-3' }],
      'Patient-2.ndjson': '{"id":"fine"}\n{"id":"worse","name":"\\ud800"}\n',
    });
    assert.deepEqual((await server.load(bucket)).progress, { total: 2, error: 2 });
    const [twice, broken] = [
      await server.loaderFile(bucket, 'Patient-1.ndjson'),
      await server.loaderFile(bucket, 'Patient-2.ndjson'),
    ];
    assert.deepEqual([twice.error?.code, broken.error?.code], ['23505', '22P02']);
    assert.match(twice.message ?? '', /line 21/);
    assert.match(broken.message ?? '', /line 2/);
    assert.deepEqual([await count('bad'), await count('fine'), await attempts(), await fences()], [0, 0, [], []]);
  });

  test('is not one whose rows may be left out, or overwrite others: those go by the control connection', async (t) => {
    for (const params of [{ 'max-errors': 5 }, { 'upsert?': true }]) {
      await t.test(Object.keys(params).join(), async (t) => {
        const gate = await server.gate(t, 'patient');
        const key = Object.keys(params).join().replace('?', '');
        const bucket = await server.bucketOf({ 'Patient.ndjson': patients(3, key) });
        await server.startLoad(bucket, params);
        await gate.reached();
        assert.deepEqual(await attempts(), []);
        await gate.open();
        assert.deepEqual((await server.ended(bucket)).progress, { total: 1, done: 1 });
        assert.equal(await count(key), 3);
      });
    }
  });
});

describe('An attempt that cannot be written down', () => {
  test('fails its file, with the error', async (t) => {
    await server.sql(`
      create function refuse_attempt() returns trigger language plpgsql as $$ begin raise 'no attempts today'; end $$;
      create trigger refuse_attempt before insert on fhir_bucket_loader.data_attempt for each row execute function refuse_attempt()`);
    t.after(() => server.sql('drop function refuse_attempt cascade'));
    const bucket = await server.bucketOf({ 'Patient.ndjson': patients(3, 'refused') });
    assert.deepEqual((await server.load(bucket)).progress, { total: 1, error: 1 });
    assert.match((await server.loaderFile(bucket, 'Patient.ndjson')).message ?? '', /no attempts today/);
  });
});

describe('An attempt whose owner is gone', () => {
  /** A LoaderFile in progress with an attempt, as a killed owner leaves them. */
  const orphan = async (t: TestContext) => {
    const id = randomUUID();
    const attempt = { id, attempt: randomUUID() };
    const resource = { bucket: `s3://orphan-${id}`, file: 'Patient.ndjson', type: 'Patient', status: 'in-progress' };
    await server.sql(
      `insert into loaderfile (id, txid, resource_type, status, resource) values ($1, 1, 'LoaderFile', 'created', $2)`,
      [id, resource],
    );
    t.after(() => server.sql('delete from loaderfile where id = $1', [id]));
    await recordDataAttempt(pool, attempt);
    const file = async () =>
      (
        await server.sql<{ resource: Record<string, unknown> }>('select resource from loaderfile where id = $1', [id])
      )[0]?.resource;
    return { attempt, file };
  };

  const dataConnection = async (t: TestContext) => {
    const client = new pg.Client(database.connection);
    client.on('error', () => {});
    await client.connect();
    t.after(() => client.end());
    return client;
  };

  test('that has committed makes its file done, with its counts', async (t) => {
    const { attempt, file } = await orphan(t);
    const data = await dataConnection(t);
    await data.query('begin');
    assert.equal(await plantFence(data, attempt.attempt), true);
    await fillFence(data, attempt.attempt, { loaded: 7, counts: { references: { resolved: 1 } } });
    await data.query('commit');
    assert.equal(await recoverDataAttempt(pool, attempt, 0), 'committed');
    const { status, loaded, references } = (await file()) ?? {};
    assert.deepEqual({ status, loaded, references }, { status: 'done', loaded: 7, references: { resolved: 1 } });
    assert.equal(await recoverDataAttempt(pool, attempt, 0), 'gone');
    assert.deepEqual(await fences(), []);
  });

  test('that has not can never commit any more, and its file is back in the queue', async (t) => {
    const { attempt, file } = await orphan(t);
    assert.equal(await recoverDataAttempt(pool, attempt, 0), 'undone');
    assert.equal((await file())?.['status'], 'pending');
    const late = await dataConnection(t);
    await late.query('begin');
    assert.equal(await plantFence(late, attempt.attempt), false);
    // As long as its owner may come back.
    await sweepFences(pool);
    assert.deepEqual(await fences(), [{ attempt: attempt.attempt }]);
    await server.sql('delete from fhir_bucket_loader.data_fence');
  });

  test('whose transaction is not over stays, and is resolved when it is', async (t) => {
    const { attempt, file } = await orphan(t);
    const data = await dataConnection(t);
    await data.query('begin');
    await plantFence(data, attempt.attempt);
    assert.equal(await recoverDataAttempt(pool, attempt, 0), 'busy');
    assert.equal((await file())?.['status'], 'in-progress');
    await fillFence(data, attempt.attempt, { loaded: 1, counts: {} });
    await data.query('commit');
    // The server looks by itself.
    await waitFor(async () => (await file())?.['status'] === 'done', { what: 'its end' });
    await waitFor(async () => (await fences()).length === 0, { what: 'no fence' });
  });

  test('is left alone while somebody has its file; resolved where the LoaderFile was deleted', async (t) => {
    const { attempt } = await orphan(t);
    const owner = await dataConnection(t);
    await owner.query('begin');
    await owner.query('select from loaderfile where id = $1 for update', [attempt.id]);
    assert.equal(await recoverDataAttempt(pool, attempt, 0), 'busy');
    assert.deepEqual(await fences(), []);
    await owner.query('delete from loaderfile where id = $1', [attempt.id]);
    await owner.query('commit');
    const end = await recoverDataAttempt(pool, attempt, 0);
    assert.ok(end === 'undone' || end === 'gone', end);
    assert.deepEqual(await attempts(), []);
    await server.sql('delete from fhir_bucket_loader.data_fence');
  });

  test('a later LoaderFile of the same id is not the one that it made done', async (t) => {
    const { attempt, file } = await orphan(t);
    await plantFence(pool, attempt.attempt);
    await fillFence(pool, attempt.attempt, { loaded: 9, counts: {} });
    await server.sql(`update loaderfile set cts = cts + interval '1 second' where id = $1`, [attempt.id]);
    await waitFor(async () => (await recoverDataAttempt(pool, attempt, 0)) !== 'busy', { what: 'its end' });
    const { status, loaded } = (await file()) ?? {};
    assert.deepEqual([status, loaded], ['in-progress', undefined]);
  });

  test('fences of attempts that are over are swept when a server starts, open ones stay', async (t) => {
    const open = randomUUID();
    const over = randomUUID();
    for (const attempt of [open, over]) {
      await plantFence(pool, attempt);
      await fillFence(pool, attempt, { loaded: 1, counts: {} });
    }
    await server.sql(
      `insert into fhir_bucket_loader.data_attempt (queue, loader_file, attempt) values (0, 'elsewhere', $1)`,
      [open],
    );
    t.after(() => server.sql('delete from fhir_bucket_loader.data_attempt'));
    const second = await startTestServer(t, { database, s3: server.s3 });
    await second.stop();
    assert.deepEqual(await fences(), [{ attempt: open }]);
    await server.sql('delete from fhir_bucket_loader.data_fence');
  });
});

describe('LOADER_DATA_URLS', () => {
  /** The database's URL for a new role, of which something is to hold. */
  const roleOf = async (t: TestContext, what: string) => {
    const role = `data_${randomBytes(6).toString('hex')}`;
    const { user } = database.connection;
    await server.sql(`create role ${role} login password 'secret' in role ${pg.escapeIdentifier(user)}`);
    await server.sql(`alter role ${role} ${what}`);
    t.after(() => server.sql(`drop role ${role}`));
    return urlFromConnection({ ...database.connection, user: role, password: 'secret' });
  };

  const startWith = async (urls: string) =>
    await startServer(
      readConfig({ DATABASE_URL: database.url, BOX_WEB_PORT: '0', LOG_LEVEL: 'silent', LOADER_DATA_URLS: urls }),
    );

  test('names nodes of the same database, or the server does not start', async (t) => {
    const other = await createTestDatabase(t);
    await assert.rejects(
      startWith(`${database.url},${other.url}`),
      /LOADER_DATA_URLS: .* is not a node that takes rows of the database/,
    );
    await assert.rejects(startWith('postgres://nobody@127.0.0.1:1/none'), /127\.0\.0\.1:1\/none cannot be reached/);
    await assert.rejects(startWith('auto'), /LOADER_DATA_URLS is auto, but the database is not a Citus cluster/);
    const standby = await roleOf(t, 'set default_transaction_read_only = on');
    await assert.rejects(startWith(standby), /is not a node that takes rows .*read-only transaction/);
    assert.deepEqual(await fences(), []);
  });

  test('names a node with too little room for the files at once: fewer go at once, all are loaded', async (t) => {
    const url = await roleOf(t, 'connection limit 1');
    const narrow = await startTestServer(t, { database, s3: server.s3, env: { LOADER_DATA_URLS: url } });
    const bucket = await narrow.bucketOf(
      Object.fromEntries(
        Array.from({ length: 6 }, (_, n) => [`Patient-${n}.ndjson`, patients(2_000, `narrow-${n}`)] as const),
      ),
    );
    const status = await narrow.load(bucket, { 'thread-num': 4 });
    assert.deepEqual(status, { state: 'completed', progress: { total: 6, done: 6 } });
    assert.equal(await count('narrow'), 12_000);
  });
});
