import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { FileError } from '../../errors/file-error.ts';
import { SQLSTATE } from '../../errors/sqlstate.ts';
import { APPLICATION_NAME } from '../../store/connection-options.ts';
import type { Queryable } from '../../store/query.ts';
import type { Statement } from '../../store/statement.ts';

/** How long backends that were told to end are waited for, in ms, and the pause between two looks. */
const END_TIMEOUT_MS = 10_000;
const END_PAUSE_MS = 20;

/** The name, in pg_stat_activity, of the backends of one attempt at a file. Postgres cuts names at 63 bytes. */
export function partitionName(key: string, attempt: string): string {
  return `${partitionNames(key)}${attempt}`;
}

/** The name of the session that holds the file. It does not begin like its partitions': nobody else may end it. */
export function holderName(key: string, attempt: string): string {
  return `${APPLICATION_NAME} holder/${key}/${attempt}`;
}

/** What the names of all partitions of a file begin with. */
export function partitionNames(key: string): string {
  return `${APPLICATION_NAME}/${key}/`;
}

/**
 * Ends the backends whose names begin so, and waits until they are gone: what was on its way to them has arrived or never
 * will. Transactions that they had not prepared are rolled back.
 * @throws when some are still there after 10 s, or Postgres refuses to end them
 */
export async function endBackends(db: Queryable, namePrefix: string): Promise<void> {
  const deadline = performance.now() + END_TIMEOUT_MS;
  for (;;) {
    const { rowCount } = await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and starts_with(application_name, $1)`,
      [namePrefix],
    );
    if (rowCount === 0) return;
    if (performance.now() > deadline) {
      const message = `${SQLSTATE.objectInUse}: backends of an earlier attempt at the file (${namePrefix}…) do not end`;
      throw new FileError(message, { source: 'postgres', code: SQLSTATE.objectInUse, transient: true });
    }
    await delay(END_PAUSE_MS);
  }
}

/** The keys of the files of which there are backends. */
export const PARTITION_KEYS: Statement<string[]> = {
  text: `select distinct split_part(application_name, '/', 2) as key from pg_stat_activity
      where datname = current_database() and starts_with(application_name, $1)`,
  values: [`${APPLICATION_NAME}/`],
  read: ({ rows }: pg.QueryResult<{ key: string }>) => rows.map(({ key }) => key),
};

/** Whether a file has backends. */
export async function hasBackends(db: Queryable, key: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from pg_stat_activity where datname = current_database() and starts_with(application_name, $1) limit 1`,
    [partitionNames(key)],
  );
  return rowCount !== 0;
}
