import pg from 'pg';
import { migrate } from '../../src/store/migrate.ts';
import { type Closing, lastFirst } from './last-first.ts';
import { createMigratedDatabase } from './test-database.ts';

/**
 * A client of a database of its own, in which the migrations have run. Not a pool: its end does not wait until the server knows, and
 * the drop of the database would end a connection with an error.
 */
export async function migratedClient(t: Closing): Promise<pg.Client> {
  const parts = lastFirst(t);
  const { connection } = await createMigratedDatabase(parts);
  await migrate(connection);
  const client = new pg.Client(connection);
  await client.connect();
  parts.after(() => client.end());
  return client;
}
