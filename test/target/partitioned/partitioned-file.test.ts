import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { pino } from 'pino';
import { lockFile } from '../../../src/store/loader-file/queue.ts';
import { AttemptRecovery } from '../../../src/target/attempt-recovery.ts';
import { recordDecision } from '../../../src/target/partitioned/commit-decision.ts';
import { identifyFile, tryLockFile } from '../../../src/target/partitioned/file-identity.ts';
import { finishPrepared, gidOf, prepareTransaction } from '../../../src/target/partitioned/prepared-transaction.ts';
import { lockWaitsOn } from '../../support/lock-waits.ts';
import { noTwoPhase } from '../../support/no-two-phase.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';

const server = await startTestServer({ after });
const pool = new pg.Pool(server.database.connection);
// The server's database is dropped under it, by force.
pool.on('error', () => {});
after(() => pool.end());

const skip = await noTwoPhase(server.sql);

/** Above the size from which a file is spread: text that gzip cannot shrink. */
const ROWS = 6_000;
const FILE_BYTES = 1_024;
const resources = Array.from({ length: ROWS }, (_, n) => ({
  id: `r${n}`,
  note: randomBytes(FILE_BYTES).toString('base64'),
}));

/** As a server does at its start. */
const recover = async () => {
  const recovery = new AttemptRecovery(pool, pino({ level: 'silent' }));
  await recovery.look();
  await recovery.close();
};

/** Which backends, by process, wrote rows of a table: each has a transaction id of its own. */
const transactionsOf = async (table: string) => {
  const [row] = await server.sql<{ transactions: number; rows: number; txids: number }>(
    `select count(distinct xmin::text)::int as transactions, count(*)::int as rows, count(distinct txid)::int as txids
       from ${table}`,
  );
  return row;
};

const prepared = async () =>
  (await server.sql(`select gid from pg_prepared_xacts where database = current_database()`)).length;

describe('one large file', { skip }, () => {
  test('is dealt to as many backends as the call has threads, and is whole', async () => {
    const bucket = await server.bucketOf({ 'Basic.ndjson.gz': resources });
    const status = await server.load(bucket, { 'thread-num': 3 });
    assert.deepEqual(status, { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await transactionsOf('basic'), { transactions: 3, rows: ROWS, txids: 1 });
    const file = await server.loaderFile(bucket, 'Basic.ndjson.gz');
    assert.equal(file.loaded, ROWS);
    assert.equal(await prepared(), 0);
  });

  test('with an id twice fails with the line, keeps no row and leaves nothing prepared', async () => {
    const bucket = await server.bucketOf({ 'Person.ndjson.gz': [...resources, { id: 'r4' }] });
    const status = await server.load(bucket, { 'thread-num': 3 });
    assert.deepEqual(status.progress, { total: 1, error: 1 });
    const file = await server.loaderFile(bucket, 'Person.ndjson.gz');
    assert.deepEqual(file.error, { source: 'postgres', code: '23505' });
    assert.match(file.message ?? '', new RegExp(`line ${ROWS + 1}\\b.*\\(r4\\)`));
    assert.equal((await transactionsOf('person'))?.rows, 0);
    assert.equal(await prepared(), 0);
  });

  test('whose rows in two backends contradict each other by another unique index fails instead of hanging', async () => {
    await server.sql(`create table schedule (like basic including all)`);
    await server.sql(`create unique index schedule_code on schedule ((resource ->> 'code'))`);
    const twins = [{ id: 'twin-a', code: 'same' }, ...resources, { id: 'twin-b', code: 'same' }];
    const bucket = await server.bucketOf({ 'Schedule.ndjson.gz': twins });
    await server.load(bucket, { 'thread-num': 3 });
    const file = await server.loaderFile(bucket, 'Schedule.ndjson.gz');
    assert.deepEqual(file.error, { source: 'postgres', code: '23505' });
    assert.match(file.message ?? '', new RegExp(`schedule_code.*line ${ROWS + 2}\\b`));
    assert.equal((await transactionsOf('schedule'))?.rows, 0);
  });

  test('whose lock’s connection is cut in mid-COPY: it is loaded again, and no later file meets what was cut', async (t) => {
    await server.load(await server.bucketOf({ 'Media.ndjson': [{ id: 'first' }] }));
    const gate = await server.gate(t, 'media');
    const small = Array.from({ length: 6 }, (_, n) => [`Media-${n}.ndjson`, [{ id: `small-${n}` }]] as const);
    const bucket = await server.bucketOf({ 'Media-large.ndjson.gz': resources, ...Object.fromEntries(small) });
    await server.startLoad(bucket, { 'thread-num': 2 });
    await gate.reached();
    const cut = await server.sql(
      `select pg_terminate_backend(pid) from (
         select distinct pid from pg_locks where relation = 'loaderfile'::regclass and pid <> pg_backend_pid()
            and database = (select oid from pg_database where datname = current_database())
            and mode in ('RowShareLock', 'RowExclusiveLock')) as holder`,
    );
    assert.ok(cut.length > 0);
    await gate.open();
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 7, done: 7 } });
    assert.equal((await transactionsOf('media'))?.rows, ROWS + 7);
    assert.equal(await prepared(), 0);
  });

  test('with upsert? goes through one backend, since temporary tables cannot be prepared', async () => {
    const bucket = await server.bucketOf({ 'Account.ndjson.gz': resources });
    await server.load(bucket, { 'thread-num': 3, 'upsert?': true });
    assert.deepEqual(await transactionsOf('account'), { transactions: 1, rows: ROWS, txids: 1 });
  });
});

describe('several who finish the same transaction', { skip }, () => {
  test('wait for the one that is at it, and all of them find it finished', async () => {
    await server.sql('create table if not exists finished (n int)');
    const sessions = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
    const file = await identifyFile(pool, 'loader-file');
    for (let n = 0; n < 200; n++) {
      const gid = gidOf(file, 'attempt', n);
      await sessions[0].query(`begin; insert into finished values (${n})`);
      await prepareTransaction(sessions[0], gid);
      await Promise.all(sessions.map((session) => finishPrepared(session, gid, 'commit')));
      assert.equal(await prepared(), 0);
    }
    for (const session of sessions) session.release();
    assert.deepEqual(await server.sql('select count(*)::int as n from finished'), [{ n: 200 }]);
  });
});

describe('a replica that died between', { skip }, () => {
  /** What such a replica leaves: a partition of two rows, prepared, and perhaps the decision. */
  const leave = async (type: string, decided: boolean) => {
    const key = `${type}.ndjson.gz`;
    const bucket = await server.bucketOf({ [key]: [{ id: 'whole-1' }, { id: 'whole-2' }, { id: 'whole-3' }] });
    await server.load(bucket);
    const table = type.toLowerCase();
    await server.sql(`delete from ${table} where id <> 'whole-1'`);
    const [row] = await server.sql<{ id: string }>(
      `update loaderfile set resource = (resource - '{end,loaded}'::text[]) || '{"status": "in-progress"}'
        where resource ->> 'bucket' = $1 returning id`,
      [`s3://${bucket}`],
    );
    assert.ok(row);
    const file = await identifyFile(pool, row.id);
    const client = await pool.connect();
    await client.query('begin');
    await client.query(
      `insert into ${table} (id, txid, status, resource) values ('whole-2', 1, 'created', '{}'), ('whole-3', 1, 'created', '{}')`,
    );
    await prepareTransaction(client, gidOf(file, 'attempt-1', 0));
    client.release();
    if (decided) await recordDecision(pool, row.id, { attempt: 'attempt-1', partitions: 1, loaded: 3 });
    else await server.sql(`delete from ${table}`);
    return { bucket, key, table, file };
  };

  test('PREPARE and the decision: its rows are rolled back and the file is loaded again', async () => {
    const { bucket, key, table } = await leave('Coverage', false);
    const status = await server.load(bucket);
    assert.deepEqual(status, { state: 'completed', progress: { total: 1, done: 1 } });
    assert.equal((await transactionsOf(table))?.rows, 3);
    assert.equal((await server.loaderFile(bucket, key)).loaded, 3);
    assert.equal(await prepared(), 0);
  });

  test('the decision and the last COMMIT PREPARED: its rows are committed and the file is done, not loaded again', async () => {
    const { bucket, key, table, file } = await leave('Contract', true);
    // A slot that still has the file must not load it again.
    assert.equal(await lockFile(pool, file.id, ['in-progress']), false);
    const status = await server.load(bucket);
    assert.deepEqual(status, { state: 'completed', progress: { total: 1, done: 1 } });
    assert.equal((await transactionsOf(table))?.rows, 3);
    assert.equal((await server.loaderFile(bucket, key)).loaded, 3);
    assert.equal(await prepared(), 0);
  });

  test('the decision and the last COMMIT PREPARED, where somebody deletes the LoaderFile: all rows are committed', async () => {
    const { bucket, table, file } = await leave('CarePlan', true);
    await server.sql('delete from loaderfile where id = $1', [file.id]);
    await recover();
    assert.equal((await transactionsOf(table))?.rows, 3);
    // A LoaderFile of the same id that is queued since is another one.
    await server.load(bucket);
    assert.deepEqual((await server.loaderFile(bucket, 'CarePlan.ndjson.gz')).error, {
      source: 'postgres',
      code: '23505',
    });
    assert.equal((await transactionsOf(table))?.rows, 3);
  });

  test('the decision and the last COMMIT PREPARED: DELETE is answered with 409 until the file is done', async () => {
    const { table, file } = await leave('Goal', true);
    const url = `${server.url}/LoaderFile/${file.id}`;
    const first = await fetch(url, { method: 'DELETE' });
    assert.equal(first.status, 409);
    assert.match(await first.text(), /being loaded right now/);
    await recover();
    assert.equal((await fetch(url, { method: 'DELETE' })).status, 200);
    assert.equal((await transactionsOf(table))?.rows, 3);
  });

  test('is resolved by several at once', async () => {
    const { table } = await leave('Composition', true);
    await Promise.all([recover(), recover(), recover()]);
    await waitFor(async () => (await prepared()) === 0, { what: 'nothing prepared' });
    assert.equal((await transactionsOf(table))?.rows, 3);
  });

  test('PREPARE and the decision, while another load makes its indexes: they wait for it, and it is resolved', async (t) => {
    await server.load(await server.bucketOf({ 'Slot-0.ndjson': [{ id: 'first' }] }));
    await server.sql('create index slot_ts on slot (ts)');
    const bucket = await server.bucketOf({ 'Slot-1.ndjson': [{ id: 'second' }] });
    const gate = await server.gate(t, 'slot');
    await server.startLoad(bucket, { 'disable-idx?': true });
    await gate.reached();
    const dying = await pool.connect();
    await dying.query('begin; lock table slot in row exclusive mode');
    await gate.open();
    await waitFor(async () => (await server.sql(lockWaitsOn('slot'))).length > 0, {
      what: 'an index that waits for the rows of another file',
    });
    await prepareTransaction(dying, gidOf(await identifyFile(pool, 'of-a-dead-replica'), 'attempt-1', 0));
    dying.release();
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.equal((await server.sql(`select from pg_class where relname = 'slot_ts'`)).length, 1);
    assert.equal(await prepared(), 0);
  });

  test('and is left alone while the file is locked: its replica lives', async () => {
    const { file, table } = await leave('Consent', false);
    const owner = await pool.connect();
    await owner.query('begin');
    assert.equal(await tryLockFile(owner, file), true);
    await recover();
    assert.equal(await prepared(), 1);
    await owner.query('rollback');
    owner.release();
    await recover();
    assert.equal(await prepared(), 0);
    assert.equal((await transactionsOf(table))?.rows, 0);
  });
});
