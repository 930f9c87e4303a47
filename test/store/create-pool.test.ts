import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { connectClient, sessionStatements } from '../../src/store/connection-options.ts';
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

test('temporary tables get memory, unless somebody has chosen how much', async (t) => {
  const { connection } = await createTestDatabase(t);
  const sizeOf = async () => {
    const pool = createPool(connection, { max: 1, onIdleError: () => {}, tempBuffers: '32MB' });
    const { rows } = await pool.query('show temp_buffers');
    await pool.end();
    return rows;
  };
  assert.deepEqual(await sizeOf(), [{ temp_buffers: '32MB' }]);

  const client = await connectClient(connection);
  try {
    await client.query('create temporary table used as select 1 as one');
    await sessionStatements({ tempBuffers: '32MB' }).send(client);
    const { rows } = await client.query(`select one, current_setting('temp_buffers') as size from used`);
    assert.deepEqual(rows, [{ one: 1, size: '8MB' }]);
    await client.query(`alter database ${pg.escapeIdentifier(connection.database ?? '')} set temp_buffers = '1MB'`);
  } finally {
    await client.end();
  }
  assert.deepEqual(await sizeOf(), [{ temp_buffers: '1MB' }]);
});
