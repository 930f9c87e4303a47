import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Closing } from './last-first.ts';
import type { TestDatabase } from './test-database.ts';
import { connectionFromUrl, urlFromConnection } from './test-server-address.ts';

const url = process.env['TEST_CITUS_URL'];

/** For `describe` and `test`: says why they are skipped where no Citus is given. */
export const NEEDS_CITUS = {
  skip: url === undefined ? 'no Citus: set TEST_CITUS_URL to a coordinator with at least one worker' : false,
  // Its nodes are processes of their own, and slower than the tests' Postgres: 32 shards to a table.
  timeout: 1_800_000,
};

/**
 * Creates a schema with a unique name on the Citus of TEST_CITUS_URL, as the place of a loader and its tables, and drops it
 * after the test `t`. A database of its own would need the extension on every node.
 */
export async function createCitusDatabase(t: Closing): Promise<TestDatabase> {
  if (url === undefined) throw new Error('TEST_CITUS_URL is not set');
  const schema = `test_${process.pid}_${randomBytes(6).toString('hex')}`;
  await onCitus(url, `create schema ${schema}`);
  t.after(() => onCitus(url, `drop schema ${schema} cascade`));
  const connection = { ...connectionFromUrl(url), options: `-csearch_path=${schema}` };
  return { connection, url: urlFromConnection(connection) };
}

async function onCitus(address: string, statement: string): Promise<void> {
  const client = new pg.Client(address);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
