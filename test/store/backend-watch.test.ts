import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { createPool } from '../../src/store/create-pool.ts';
import { lastFirst } from '../support/last-first.ts';
import { PostgresProxy } from '../support/postgres-proxy/postgres-proxy.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

/** A pool whose connections go by a proxy, and a connection of the test's own. */
const setUp = async (t: TestContext) => {
  const parts = lastFirst(t);
  const { connection } = await createTestDatabase(parts);
  const proxy = await PostgresProxy.start(parts, connection);
  const pool = createPool(proxy.connection, { max: 4, onIdleError: () => {} });
  parts.after(() => pool.end());
  const own = new pg.Client(connection);
  await own.connect();
  parts.after(() => own.end());
  await own.query('create table locked ()');
  return { proxy, pool, own };
};

test('Postgres ends a backend and the client is not told: what it waits for fails', async (t) => {
  const { proxy, pool } = await setUp(t);
  const client = await pool.connect();
  const stop = proxy.stopAt({ holds: 'request', matches: (_, statement) => statement === 'select 42' });
  const asked = client.query('select 42');
  (await stop.reached).cutServer();
  await assert.rejects(asked, /Connection terminated/);
  client.release(true);
  assert.equal((await pool.query('select 42')).rowCount, 1);
});

test('a client loses a connection and Postgres is not told: its backend is ended, and its locks are free', async (t) => {
  const { proxy, pool, own } = await setUp(t);
  const client = await pool.connect();
  const stop = proxy.stopAt({ holds: 'answer', matches: (_, statement) => statement.startsWith('lock table') });
  await client.query('begin');
  const asked = client.query('lock table locked');
  const connection = await stop.reached;
  const { pid } = connection;
  connection.cutClient();
  await assert.rejects(asked);
  client.release(true);
  const isGone = async () => (await own.query('select from pg_stat_activity where pid = $1', [pid])).rowCount === 0;
  await waitFor(isGone, { what: 'the end of the backend' });
  await own.query('begin; lock table locked nowait; rollback');
});
