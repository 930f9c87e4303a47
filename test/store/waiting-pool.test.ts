import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import Fastify from 'fastify';
import { toClientError } from '../../src/errors/to-client-error.ts';
import { readyRoute } from '../../src/http/ready-route.ts';
import { createPool } from '../../src/store/create-pool.ts';
import { createTestDatabase } from '../support/test-database.ts';

const onIdleError = () => {};

const refusalOf = async (query: Promise<unknown>) =>
  toClientError(
    await query.then(
      () => undefined,
      (error) => error,
    ),
  );

test('a pool whose connections stay in use is busy, and Postgres not away', async (t) => {
  const { connection } = await createTestDatabase(t);
  // Longer than a probe waits.
  const pool = createPool({ ...connection, connectTimeoutMs: 2_000 }, { max: 1, onIdleError, waitMs: 2_500 });
  const app = Fastify();
  readyRoute(app, pool);
  const holder = await pool.connect();
  const [probe, ...refusals] = await Promise.all([
    app.inject('/ready'),
    refusalOf(pool.query('select 1')),
    refusalOf(pool.connect()),
  ]);
  const reason = 'the server is busy: its connections to the database are all in use';
  assert.deepEqual(probe.json(), { status: 'not ready', reason });
  for (const refusal of refusals) {
    assert.deepEqual([refusal?.kind, refusal?.status], ['busy', 503]);
    assert.match(refusal?.message ?? '', /connections to Postgres, 1, have all been in use for 2\.5 s/);
  }
  holder.release();
  await app.close();
  await pool.end();
});

test('who stands in line waits longer than who connects', async (t) => {
  const { connection } = await createTestDatabase(t);
  const pool = createPool({ ...connection, connectTimeoutMs: 2_000 }, { max: 1, onIdleError });
  const [, waited] = await Promise.all([pool.query('select pg_sleep(2.5)'), pool.query('select 1 as one')]);
  assert.deepEqual(waited.rows, [{ one: 1 }]);
  await pool.end();
});

test('where Postgres does not answer, who stands in line learns that it is away', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await new Promise((resolve) => silent.once('listening', resolve));
  const address = silent.address();
  assert.ok(typeof address === 'object' && address !== null);
  const nowhere = { host: '127.0.0.1', port: address.port, user: 'nobody', database: 'none', connectTimeoutMs: 200 };
  const pool = createPool(nowhere, { max: 1, onIdleError, waitMs: 100 });
  const known = await Promise.all([pool.query('select 1'), pool.query('select 1')].map(refusalOf));
  for (const error of known) assert.equal(error?.kind, 'database-unavailable');
  await pool.end();
});
