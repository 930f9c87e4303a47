import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { refuseTransactionPooling } from '../../src/store/refuse-transaction-pooling.ts';
import { NO_PGBOUNCER, startPgBouncer } from '../support/pg-bouncer.ts';
import { ServerProcess } from '../support/server-process.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { urlFromConnection } from '../support/test-server-address.ts';

const skip = NO_PGBOUNCER;

describe('a connection pooler', () => {
  test('none: Postgres itself is accepted', async (t) => {
    const { connection } = await createTestDatabase(t);
    await refuseTransactionPooling(connection);
  });

  test('PgBouncer in session mode is accepted', { skip }, async (t) => {
    const { connection } = await createTestDatabase(t);
    await refuseTransactionPooling(await startPgBouncer(t, connection, 'session'));
  });

  for (const options of ['', 'server_round_robin = 1']) {
    test(`PgBouncer in transaction mode is refused ${options}`, { skip }, async (t) => {
      const { connection } = await createTestDatabase(t);
      const pooled = await startPgBouncer(t, connection, 'transaction', options);
      // Other clients have left connections to rotate among.
      const clients = Array.from({ length: 3 }, () => new pg.Client(pooled));
      for (const client of clients) await client.connect();
      await Promise.all(clients.map((client) => client.query('select pg_sleep(0.1)')));
      for (const client of clients) await client.end();
      await assert.rejects(refuseTransactionPooling(pooled), { name: 'TransactionPoolingError' });
    });
  }

  test('PgBouncer in statement mode is refused', { skip }, async (t) => {
    const { connection } = await createTestDatabase(t);
    const pooled = await startPgBouncer(t, connection, 'statement');
    await assert.rejects(refuseTransactionPooling(pooled), {
      name: 'TransactionPoolingError',
      message: /in statement mode/,
    });
  });

  test('the server does not start on one, and says in a sentence what to set', { skip }, async (t) => {
    const { connection } = await createTestDatabase(t);
    const pooled = await startPgBouncer(t, connection, 'transaction');
    const server = ServerProcess.spawn(t, { databaseUrl: urlFromConnection(pooled) });
    assert.deepEqual(await server.exited, { code: 1, signal: null });
    assert.match(server.output, /^The database address leads to a connection pooler in transaction mode/m);
    assert.doesNotMatch(server.output, /^ +at /m);
  });
});
