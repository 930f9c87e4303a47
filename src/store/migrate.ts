import { fileURLToPath } from 'node:url';
import Postgrator from 'postgrator';
import { connectClient, type DatabaseAddress } from './connection-options.ts';

/** Any number that nobody else locks: the turn of the one replica that migrates. */
const MIGRATION_LOCK = '5018342091773321';

/** The folder of the migrations, `001.do.<name>.sql` and so on. */
export const MIGRATIONS = fileURLToPath(new URL('../../migrations/', import.meta.url));

/**
 * Brings the database to the newest migration. Replicas that start together take turns. Safe where Aidbox's own
 * tables stand: the migrations create what is absent and alter nothing.
 * @returns how many migrations were applied
 * @throws what Postgres answers, or an error that names a migration file whose text was changed after it had run
 */
export async function migrate(address: DatabaseAddress): Promise<number> {
  const client = await connectClient(address);
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const postgrator = new Postgrator({
      driver: 'pg',
      schemaTable: 'fhir_bucket_loader.schema_version',
      migrationPattern: `${MIGRATIONS}*.sql`,
      execQuery: (text) => client.query(text),
    });
    return (await postgrator.migrate()).length;
  } finally {
    await client.end();
  }
}
