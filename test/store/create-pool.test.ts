import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPool } from '../../src/store/create-pool.ts';
import { inTransaction } from '../../src/store/query.ts';
import { createTestDatabase } from '../support/test-database.ts';

test('a connection lost in the middle of a transaction fails that transaction, and not the process', async (t) => {
  const { connection } = await createTestDatabase(t);
  const pool = createPool(connection, { max: 2, onIdleError: () => {} });
  const lost = inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    await Promise.all([
      client.query('select pg_sleep(600)'),
      pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]),
    ]);
  });
  await assert.rejects(lost, { code: '57P01' });
  assert.deepEqual((await pool.query('select 1 as one')).rows, [{ one: 1 }]);
  await pool.end();
});
