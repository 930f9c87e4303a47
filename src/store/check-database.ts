import pg from 'pg';
import { StartError } from '../errors/start-error.ts';
import { hasUniqueId } from './describe-table.ts';
import type { Queryable } from './query.ts';
import { OWN_TABLES, type ResourceTable, resolveTables } from './resource-tables.ts';
import { checkShape, UnfitTable } from './table-shape.ts';

/**
 * Checks what no migration can change.
 * @throws StartError
 */
export async function checkDatabase(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ encoding: string; database: string }>(
    `select current_setting('server_encoding') as encoding, current_database() as database`,
  );
  const { encoding = '', database = '' } = rows[0] ?? {};
  if (encoding === 'UTF8') return;
  throw new StartError(
    `The database ${database} has the encoding ${encoding}, which cannot hold all of FHIR's text. ` +
      `Create one with: create database ${pg.escapeIdentifier(database)} encoding 'UTF8' template template0`,
  );
}

/**
 * Checks that the loader's own tables are the ones that its statements mean, hold its records as they are, and are open
 * to its role.
 * @throws StartError
 */
export async function checkOwnTables(db: Queryable): Promise<void> {
  for (const name of OWN_TABLES) {
    const [table] = await resolveTables(db, [name]);
    if (table === undefined) throw await missing(db, name);
    try {
      await checkShape(db, table);
    } catch (error) {
      throw error instanceof UnfitTable ? startError(error.message) : error;
    }
    if (!(await hasUniqueId(db, table))) {
      throw startError(
        `the table ${table.schema}.${name} has no primary key on id; without it a file could be queued twice`,
      );
    }
    await checkPrivileges(db, table);
  }
}

async function missing(db: Queryable, name: string): Promise<StartError> {
  const { rows } = await db.query<{ path: string }>(`select current_setting('search_path') as path`);
  return startError(
    `the search_path (${rows[0]?.path}) leads to no table ${name}, though the migrations have run; ` +
      'set it as it was then, by alter role … set search_path or in DATABASE_URL by options=-csearch_path%3D…',
  );
}

async function checkPrivileges(db: Queryable, { schema, name }: ResourceTable): Promise<void> {
  const { rows } = await db.query<{ role: string; missing: string[] }>(
    `select current_user as role,
            array(select p from unnest(array['select', 'insert', 'update', 'delete']) as p
                   where not has_table_privilege(format('%I.%I', $1::text, $2::text), p)) as missing`,
    [schema, name],
  );
  const { role = '', missing: denied = [] } = rows[0] ?? {};
  if (denied.length === 0) return;
  const list = denied.join(', ');
  throw startError(
    `the role ${role} may not ${list} on ${schema}.${name}: ` +
      `grant ${list} on ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)} to ${pg.escapeIdentifier(role)}`,
  );
}

function startError(message: string): StartError {
  return new StartError(`The database cannot be used: ${message}.`);
}
