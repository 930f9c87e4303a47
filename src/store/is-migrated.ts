import { readdir } from 'node:fs/promises';
import { SQLSTATE, sqlstateOf } from '../errors/sqlstate.ts';
import { MIGRATIONS, schemaVersionTable } from './migrate.ts';
import type { Queryable } from './query.ts';

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
