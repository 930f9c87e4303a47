import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { inBoundedTransaction } from '../../src/load/bounded-transaction.ts';
import { turnStatement } from '../../src/store/bucket-load/bucket-load.ts';
import { loaderFileId } from '../../src/store/loader-file/loader-file.ts';
import { boundLockWaits } from '../../src/store/lock-waits.ts';
import { ask } from '../../src/store/statement.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const { bucketOf, load, startLoad, ended } = server;

/** Another client with an open transaction, which is rolled back at the end of the test. */
const openTransaction = async (t: TestContext, statement: string, values: unknown[] = []) => {
  const client = new pg.Client({ ...server.database.connection, application_name: 'the one that forgot' });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.end());
  await client.query('begin');
  await client.query(statement, values);
  return client;
};

describe('somebody has a transaction open that has changed a LoaderFile', { timeout: 600_000 }, () => {
  test('a call does not wait for it', async (t) => {
    const bucket = await bucketOf({ 'Patient-1.ndjson': [{ id: 'open-1' }] });
    await load(bucket);
    await server.s3.putObject(bucket, 'Patient-2.ndjson', '{"id":"open-2"}');
    await openTransaction(t, `update loaderfile set resource = resource || '{"note": "x"}'`);
    assert.equal((await startLoad(bucket)).status, 200);
    assert.deepEqual((await ended(bucket)).progress, { total: 2, done: 2 });
  });

  test('one that has added the same file is waited for within a bound, and named', async (t) => {
    const bucket = await bucketOf({ 'Patient-1.ndjson': [{ id: 'bound-1' }] });
    const other = await openTransaction(
      t,
      `insert into loaderfile (id, txid, resource_type, status, resource)
       values ($1, 0, 'LoaderFile', 'created', $2)`,
      [loaderFileId(`s3://${bucket}`, 'Patient-1.ndjson'), { bucket: `s3://${bucket}`, file: 'Patient-1.ndjson' }],
    );
    const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid');
    const { status, body } = await startLoad(bucket);
    assert.equal(status, 503);
    assert.match(
      body.error?.message ?? '',
      new RegExp(
        `^Nothing was changed for bucket <s3://${bucket}>: the call waited too long for a lock\\. Backend ${rows[0]?.pid} ` +
          '\\(application "the one that forgot"\\) has had a transaction open since \\S+; ' +
          `end it with select pg_terminate_backend\\(${rows[0]?.pid}\\), then call again\\.$`,
      ),
    );
    await other.query('rollback');
    assert.deepEqual((await load(bucket)).progress, { total: 1, done: 1 });
  });

  test('a retry waits no longer for failed files', async (t) => {
    const bucket = await bucketOf({ 'Patient-1.ndjson': '{"resourceType":"Patient"}' });
    assert.deepEqual((await load(bucket)).progress, { total: 1, error: 1 });
    await openTransaction(t, `update loaderfile set resource = resource || '{"note": "x"}'`);
    const { status, body } = await server.rpc('aidbox.bulk/load-from-bucket-retry', { bucket: `s3://${bucket}` });
    assert.equal(status, 503);
    assert.match(body.error?.message ?? '', /application "the one that forgot"/);
  });

  test('one that holds the bucket’s turn keeps many calls waiting, and none of other buckets or probes', async (t) => {
    const bucket = await bucketOf({ 'Patient-1.ndjson': [{ id: 'turn-1' }] });
    const other = await openTransaction(t, 'select');
    await ask(other, turnStatement(`s3://${bucket}`));
    // More than the server has connections.
    const calls = Array.from({ length: 40 }, () => server.startLoad(bucket));
    const waiting = `select from pg_locks where locktype = 'advisory' and not granted
                        and database = (select oid from pg_database where datname = current_database())`;
    await waitFor(async () => (await server.sql(waiting)).length > 0, { what: 'a call that waits for its turn' });
    assert.equal((await fetch(`${server.url}/ready`)).status, 200);
    assert.deepEqual((await load(await bucketOf({ 'Patient-2.ndjson': [{ id: 'turn-2' }] }))).progress, {
      total: 1,
      done: 1,
    });
    assert.equal((await server.sql(waiting)).length, 1);
    await other.query('rollback');
    assert.deepEqual(new Set((await Promise.all(calls)).map(({ status }) => status)), new Set([200]));
  });

  test('one that holds the bucket’s turn keeps no call for ever', async (t) => {
    const bucket = 's3://turn';
    const other = await openTransaction(t, 'select');
    await ask(other, turnStatement(bucket));
    const pool = new pg.Pool(server.database.connection);
    t.after(() => pool.end());
    const turn = inBoundedTransaction(pool, bucket, async (client) => {
      await boundLockWaits(client, 200);
      await ask(client, turnStatement(bucket));
    });
    await assert.rejects(turn, { kind: 'database-unavailable', details: { code: '55P03' } });
  });
});
