import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Closing } from './last-first.ts';
import { onTestServer } from './on-test-server.ts';
import type { TestDatabase } from './test-database.ts';
import { urlFromConnection } from './test-server-address.ts';

/**
 * Creates an ordinary role (no superuser, whom limits do not bind) that owns the database, and drops it after `t`. `options` is SQL
 * of CREATE ROLE.
 * @returns the same database, as that role reaches it
 */
export async function asOwnRole(t: Closing, database: TestDatabase, options = ''): Promise<TestDatabase> {
  const role = `role_${randomBytes(6).toString('hex')}`;
  const name = pg.escapeIdentifier(database.connection.database);
  await onTestServer(`create role ${role} login password 'secret-${role}' ${options}`);
  t.after(async () => {
    const client = new pg.Client(database.connection);
    await client.connect();
    // What it owns in the database, which is dropped later, would keep it.
    await client.query(`reassign owned by ${role} to current_user; drop owned by ${role}`);
    await client.end();
    await onTestServer(`drop role ${role}`);
  });
  await onTestServer(`alter database ${name} owner to ${role}`);
  const connection = { ...database.connection, user: role, password: `secret-${role}` };
  return { connection, url: urlFromConnection(connection) };
}
