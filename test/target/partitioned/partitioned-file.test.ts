import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { lockFile } from '../../../src/store/loader-file/lock-file.ts';
import { partitionGid, preparePartition, resolvePrepared } from '../../../src/target/partitioned/prepared-partition.ts';
import { recoverPrepared } from '../../../src/target/partitioned/recover.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';

const server = await startTestServer({ after });
const pool = new pg.Pool(server.database.connection);
// The server's database is dropped under it, by force.
pool.on('error', () => {});
after(() => pool.end());

const [{ slots } = { slots: 0 }] = await server.sql<{ slots: number }>(
  `select setting::int as slots from pg_settings where name = 'max_prepared_transactions'`,
);

/** Above the size from which a file is spread: text that gzip cannot shrink. */
const ROWS = 6_000;
const FILE_BYTES = 1_024;
const resources = Array.from({ length: ROWS }, (_, n) => ({
  id: `r${n}`,
  note: randomBytes(FILE_BYTES).toString('base64'),
}));

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

describe('one large file', { skip: slots === 0 ? 'the server has no two-phase commit' : false }, () => {
  test('is dealt to as many backends as the call has threads, and is whole', async () => {
    const bucket = await server.bucketOf({ 'Basic.ndjson.gz': resources });
    const status = await server.load(bucket, { 'thread-num': 3 });
    assert.deepEqual(status, { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await transactionsOf('basic'), { transactions: 3, rows: ROWS, txids: 1 });
    const file = await server.loaderFile(bucket, 'Basic.ndjson.gz');
    assert.equal(file.loaded, ROWS);
    assert.equal('commit' in file, false);
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

  test('with upsert? goes through one backend, since temporary tables cannot be prepared', async () => {
    const bucket = await server.bucketOf({ 'Account.ndjson.gz': resources });
    await server.load(bucket, { 'thread-num': 3, 'upsert?': true });
    assert.deepEqual(await transactionsOf('account'), { transactions: 1, rows: ROWS, txids: 1 });
  });
});

describe('several who settle the same share', {
  skip: slots === 0 ? 'the server has no two-phase commit' : false,
}, () => {
  test('take turns: each is told that it is settled, or that somebody is at it', async () => {
    await server.sql('create table if not exists settled (n int)');
    const settlers = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
    let busy = 0;
    // Until they have met: Postgres refuses (55000) who comes while another commits.
    for (let n = 0; n < 5_000 && busy === 0; n++) {
      const gid = partitionGid('loader-file', 'attempt', n);
      await settlers[0].query(`begin; insert into settled values (${n})`);
      await preparePartition(settlers[0], gid);
      const settled = await Promise.all(settlers.map((client) => resolvePrepared(client, gid, 'commit')));
      busy += settled.filter((isSettled) => !isSettled).length;
      assert.ok(settled.includes(true));
    }
    for (const client of settlers) client.release();
    assert.ok(busy > 0, 'they never met');
    assert.equal(await prepared(), 0);
  });
});

describe('a replica that died between', { skip: slots === 0 ? 'the server has no two-phase commit' : false }, () => {
  /** What such a replica leaves: a share of two rows, prepared, and perhaps the decision. */
  const leave = async (type: string, decided: boolean) => {
    const key = `${type}.ndjson.gz`;
    const bucket = await server.bucketOf({ [key]: [{ id: 'whole-1' }, { id: 'whole-2' }, { id: 'whole-3' }] });
    await server.load(bucket);
    const table = type.toLowerCase();
    await server.sql(`delete from ${table} where id <> 'whole-1'`);
    const [file] = await server.sql<{ id: string }>(
      `update loaderfile set resource = (resource - '{end,loaded}'::text[]) || '{"status": "in-progress"}'
        where resource ->> 'bucket' = $1 returning id`,
      [`s3://${bucket}`],
    );
    assert.ok(file);
    const client = await pool.connect();
    await client.query('begin');
    await client.query(
      `insert into ${table} (id, txid, status, resource) values ('whole-2', 1, 'created', '{}'), ('whole-3', 1, 'created', '{}')`,
    );
    await client.query(`prepare transaction 'fhir_bucket_loader:${file.id}:attempt-1:0'`);
    client.release();
    if (decided) {
      await server.sql(
        `update loaderfile set resource = resource || '{"commit": {"attempt": "attempt-1", "loaded": 3}}' where id = $1`,
        [file.id],
      );
    } else await server.sql(`delete from ${table}`);
    return { bucket, key, table, id: file.id };
  };

  test('PREPARE and the decision: its shares are rolled back and the file is loaded again', async () => {
    const { bucket, key, table } = await leave('Coverage', false);
    const status = await server.load(bucket);
    assert.deepEqual(status, { state: 'completed', progress: { total: 1, done: 1 } });
    assert.equal((await transactionsOf(table))?.rows, 3);
    assert.equal((await server.loaderFile(bucket, key)).loaded, 3);
    assert.equal(await prepared(), 0);
  });

  test('the decision and the last COMMIT PREPARED: its shares are committed and the file is done, not loaded again', async () => {
    const { bucket, key, table, id } = await leave('Contract', true);
    // A slot that still has the file in hand must not load it again.
    assert.equal(await lockFile(pool, id, ['in-progress']), false);
    const status = await server.load(bucket);
    assert.deepEqual(status, { state: 'completed', progress: { total: 1, done: 1 } });
    assert.equal((await transactionsOf(table))?.rows, 3);
    const file = await server.loaderFile(bucket, key);
    assert.equal(file.loaded, 3);
    assert.equal('commit' in file, false);
    assert.equal(await prepared(), 0);
  });

  test('is settled at the start of a server as well, and by several at once', async () => {
    const { table } = await leave('Composition', true);
    await Promise.all([recoverPrepared(pool), recoverPrepared(pool), recoverPrepared(pool)]);
    await waitFor(async () => (await prepared()) === 0, { timeoutMs: 10_000, what: 'no share in doubt' });
    assert.equal((await transactionsOf(table))?.rows, 3);
  });

  test('and is none of anybody’s business while the file is locked: its replica lives', async () => {
    const { id, table } = await leave('Consent', false);
    const owner = await pool.connect();
    await owner.query('begin');
    await owner.query('select from loaderfile where id = $1 for update', [id]);
    await recoverPrepared(pool);
    assert.equal(await prepared(), 1);
    await owner.query('rollback');
    owner.release();
    await recoverPrepared(pool);
    assert.equal(await prepared(), 0);
    assert.equal((await transactionsOf(table))?.rows, 0);
  });
});
