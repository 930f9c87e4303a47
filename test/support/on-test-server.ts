import pg from 'pg';
import { testServerConnection } from './test-server-address.ts';

/** Runs a statement on the test server itself, outside of the tests' databases. Throws what Postgres answers. */
export async function onTestServer(statement: string): Promise<void> {
  const client = new pg.Client(testServerConnection());
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
