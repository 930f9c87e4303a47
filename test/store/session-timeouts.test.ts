import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { toErrorBody } from '../../src/errors/error-body.ts';
import { toFailure } from '../../src/errors/failure.ts';
import { toClientError } from '../../src/errors/to-client-error.ts';
import { explainDatabase } from '../../src/explain-start.ts';
import { connectClient } from '../../src/store/connection-options.ts';
import { createPool } from '../../src/store/create-pool.ts';
import { lastFirst } from '../support/last-first.ts';
import { PostgresProxy } from '../support/postgres-proxy/postgres-proxy.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';

/** A role with a timeout, and a schema whose names go before Postgres's own. */
async function roleWith(t: TestContext, setting: string, ms: number) {
  const parts = lastFirst(t);
  const database = await createTestDatabase(parts);
  const { connection } = await asOwnRole(parts, database);
  const { user } = connection;
  const client = new pg.Client(database.connection);
  await client.connect();
  try {
    await client.query(`create schema slow; grant usage on schema slow to ${user};
      alter role ${user} set search_path = slow, pg_catalog, public; alter role ${user} set ${setting} = '${ms}ms'`);
    return { parts, client, connection };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** What the error of a connection comes to wherever it ends. */
async function told(connecting: Promise<pg.Client>) {
  const error = await connecting.then(
    async (client) => {
      await client.end();
      assert.fail('it connects');
    },
    (thrown: unknown) => thrown,
  );
  const { code, transient, message } = toFailure(error);
  const { status, body } = toErrorBody(toClientError(error));
  return { code, transient, message, status, answer: body.message, error };
}

test('timeouts of a role end before anything that takes time: a session begins though its settings take longer', async (t) => {
  const { client, connection } = await roleWith(t, 'statement_timeout', 700);
  try {
    await client.query(`create function slow.version() returns text language sql as
      $$ select pg_catalog.version() from pg_sleep(1) $$`);
  } finally {
    await client.end();
  }
  const own = await connectClient(connection);
  try {
    assert.deepEqual((await own.query('show statement_timeout')).rows, [{ statement_timeout: '0' }]);
  } finally {
    await own.end();
  }
});

for (const [setting, code] of [
  ['statement_timeout', '57P03'],
  ['transaction_timeout', '25P04'],
] as const) {
  test(`${setting} of a role that ends the very first statement: waited out, and told with its name and the role's`, async (t) => {
    const { client, connection } = await roleWith(t, setting, 100);
    try {
      await client.query(`create function slow.current_setting(text, boolean) returns text language sql as
        $$ select pg_catalog.current_setting($1, $2) from pg_sleep(20) $$`);
    } finally {
      await client.end();
    }
    const way = `raise it: alter role "${connection.user}" set ${setting} = '1min'`;
    const { error, ...found } = await told(connectClient(connection));
    assert.deepEqual([found.code, found.transient, found.status], [code, true, 503]);
    assert.ok(found.message.startsWith(`${code}: ${setting} of role ${connection.user}`), found.message);
    assert.ok(found.message.endsWith(way) && found.answer.endsWith(`${way}.`), found.answer);
    assert.match(String(explainDatabase(error, connection)), new RegExp(`StartError.*${setting} of role`));
    const pool = createPool(connection, { max: 1, onIdleError: () => {} });
    await assert.rejects(pool.query('select 1'), { name: 'SessionTimeout' });
    await pool.end();
  });
}

test('idle_session_timeout of a role that ends a session before its first statement arrives is told likewise', async (t) => {
  const { parts, client, connection } = await roleWith(t, 'idle_session_timeout', 50);
  await client.end();
  const proxy = await PostgresProxy.start(parts, connection);
  const stop = proxy.stopAt({ matches: () => true, holds: 'request' });
  const { code, message } = await told(connectClient(proxy.connection));
  assert.equal(code, '57P05');
  assert.match(message, /^57P05: idle_session_timeout of role /);
  stop.release();
});
