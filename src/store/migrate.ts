import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import Postgrator from 'postgrator';
import { SQLSTATE, sqlstateOf } from '../errors/sqlstate.ts';
import { StartError } from '../errors/start-error.ts';
import { checkDatabase, checkOwnTables } from './check-database.ts';
import { connectClient, type DatabaseAddress } from './connection-options.ts';
import type { Queryable } from './query.ts';

/** Any number that nobody else locks: the turn of the one replica that migrates. */
const MIGRATION_LOCK = '5018342091773321';

/** The folder of the migrations, `001.do.<name>.sql` and so on. */
const MIGRATIONS = fileURLToPath(new URL('../../migrations/', import.meta.url));

/**
 * Where the migrations that have run are written down: by the schema of Aidbox's tables, or the one that the session creates
 * them in. Another schema of the database, with a loader of its own, has another such table.
 */
export async function schemaVersionTable(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ schema: string | null }>(
    `select coalesce((select relnamespace from pg_class
                       where oid = coalesce(to_regclass('transaction_id_seq'), to_regclass('loaderfile'))),
                     quote_ident(current_schema())::regnamespace)::oid::text as schema`,
  );
  const schema = rows[0]?.schema ?? undefined;
  if (schema === undefined) {
    throw new StartError(
      'The database cannot be used: no schema of the search_path exists that the role may use; create one, grant usage on it, ' +
        'or set search_path for this role or database.',
    );
  }
  return `fhir_bucket_loader.schema_version_${schema}`;
}

/**
 * Brings the database to the newest migration. Replicas that start together take turns. Safe where Aidbox's own
 * tables stand: the migrations create what is absent and alter nothing.
 * @returns how many migrations were applied
 * @throws StartError where the database or the loader's tables in it cannot be used, what Postgres answers, or an error
 * that names a migration file whose text was changed after it had run
 */
export async function migrate(address: DatabaseAddress): Promise<number> {
  const client = await connectClient(address);
  try {
    await checkDatabase(client);
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const searchPath = await putAidboxFirst(client);
    const postgrator = new Postgrator({
      driver: 'pg',
      schemaTable: await schemaVersionTable(client),
      migrationPattern: `${MIGRATIONS}*.sql`,
      execQuery: (text) => client.query(text),
    });
    const applied = (await postgrator.migrate()).length;
    await client.query(`select set_config('search_path', $1, false)`, [searchPath]);
    await checkOwnTables(client);
    return applied;
  } finally {
    await client.end();
  }
}

/**
 * Puts the schema of Aidbox's tables first: `create … if not exists` looks into the first one only, and would make a second
 * sequence beside Aidbox's, further down the search_path, from which all else takes its numbers.
 * @returns the search_path as it was
 */
async function putAidboxFirst(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ before: string }>(
    `select current_setting('search_path') as before,
            (select set_config('search_path', quote_ident(n.nspname) || ', ' || current_setting('search_path'), false)
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where c.oid = coalesce(to_regclass('transaction_id_seq'), to_regclass('loaderfile')))`,
  );
  return rows[0]?.before ?? '';
}

/**
 * Whether the database has this program's newest migration; a database restored from a backup may not.
 * @throws what Postgres answers when it is not that
 */
export async function isMigrated(db: Queryable): Promise<boolean> {
  const wanted = (await readdir(MIGRATIONS)).map((file) => Number.parseInt(file, 10));
  try {
    const { rows } = await db.query<{ version: number }>(
      `select coalesce(max(version), 0)::int as version from ${await schemaVersionTable(db)}`,
    );
    return (rows[0]?.version ?? 0) >= Math.max(...wanted);
  } catch (error) {
    if (sqlstateOf(error) === SQLSTATE.undefinedTable) return false;
    throw error;
  }
}
