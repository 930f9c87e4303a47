import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Closing } from './last-first.ts';
import { onTestServer } from './on-test-server.ts';
import { type TestConnection, testServerConnection, urlFromConnection } from './test-server-address.ts';

/** On the tests' own Postgres: a database in which the migrations have run. */
export const MIGRATED_TEMPLATE = 'migrated_template';

export type TestDatabase = { connection: TestConnection; url: string };

/**
 * Creates an empty database with a unique name on the test server (a copy of `template`, by default template0) and
 * drops it, with whatever is still connected, after the test `t`.
 * Throws when the test server cannot be reached.
 */
export async function createTestDatabase(t: Closing, template = 'template0'): Promise<TestDatabase> {
  const database = `test_${process.pid}_${randomBytes(6).toString('hex')}`;
  await onTestServer(
    `CREATE DATABASE ${pg.escapeIdentifier(database)} TEMPLATE ${pg.escapeIdentifier(template)} ENCODING 'UTF8' ${strategy()}`,
  );
  t.after(() => onTestServer(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`));
  const connection = { ...testServerConnection(), database };
  return { connection, url: urlFromConnection(connection) };
}

/**
 * The same for a server that is to start on it: on the tests' own Postgres the migrations have run in it, which saves each start
 * 0.1 CPU seconds. `test/store/migrate.test.ts` runs them where nothing is, and wherever a server is a process of its own it does.
 */
export async function createMigratedDatabase(t: Closing): Promise<TestDatabase> {
  return await createTestDatabase(t, isOwnServer() ? MIGRATED_TEMPLATE : 'template0');
}

/**
 * On the tests' own Postgres, which never waits for a disk, copying the template's files takes 0.04 CPU seconds; Postgres's own
 * choice, to copy them by way of the WAL, takes 0.33. A server that somebody has named may be too old to know the word.
 */
function strategy(): string {
  return isOwnServer() ? 'STRATEGY file_copy' : '';
}

function isOwnServer(): boolean {
  return process.env['TEST_DATABASE_URL'] === undefined;
}
