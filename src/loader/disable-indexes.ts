import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { holdIndexesOff } from '../db/bucket-load/load-lock.ts';
import { recordKeptIndex } from '../db/disabled-index/disabled-index.ts';
import { dropIndex } from '../db/disabled-index/drop-index.ts';
import {
  hasIndexes,
  listTableIndexes,
  lockTable,
  type TableIndex,
  type WhichIndexes,
} from '../db/disabled-index/table-index.ts';
import { inTransaction, type Queryable } from '../db/query.ts';

/** How long one attempt waits for the table's lock, in ms; whoever comes after it on that table waits as well. */
const LOCK_TIMEOUT_MS = 2_000;
const ATTEMPTS = 5;

const LOCK_NOT_AVAILABLE = '55P03';
const DEPENDENT_OBJECTS = '2BP01';

export interface DisableIndexes {
  pool: pg.Pool;
  /** The session that stands for the load: while it lives, nobody brings these indexes back. */
  session: Queryable;
  tables: readonly string[];
  which: WhichIndexes;
  /** Told of each index that had to stay, with the reason. */
  onKept: (table: string, reason: string) => void;
}

/**
 * Drops the indexes of the tables, each table in one transaction that first records them as DisabledIndex resources.
 * A table whose lock cannot be had, and a key that foreign keys point to, stay as they are: the load is then slower
 * but no less right.
 * @throws what Postgres answers otherwise
 */
export async function disableIndexes({ pool, session, tables, which, onKept }: DisableIndexes): Promise<void> {
  for (const table of tables) {
    await holdIndexesOff(session, table);
    if (await hasIndexes(pool, table, which)) await dropAll(pool, table, which, onKept);
  }
}

async function dropAll(
  pool: pg.Pool,
  table: string,
  which: WhichIndexes,
  onKept: DisableIndexes['onKept'],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const kept = await inTransaction(pool, async (client) => {
        await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
        await lockTable(client, table);
        const reasons: string[] = [];
        // Only under the lock is it sure which there are: the load of another bucket may drop the same.
        for (const index of await listTableIndexes(client, table, which)) {
          const reason = await dropUnlessNeeded(client, index);
          if (reason !== undefined) reasons.push(reason);
        }
        return reasons;
      });
      for (const reason of kept) onKept(table, reason);
      return;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== LOCK_NOT_AVAILABLE) throw error;
      if (attempt === ATTEMPTS) {
        onKept(table, `the lock that dropping indexes needs could not be had in ${ATTEMPTS} attempts`);
        return;
      }
      await delay(LOCK_TIMEOUT_MS * (0.5 + Math.random()));
    }
  }
}

/** @returns why the index had to stay, or undefined */
async function dropUnlessNeeded(client: Queryable, index: TableIndex): Promise<string | undefined> {
  await client.query('savepoint one_index');
  try {
    await dropIndex(client, index);
    await client.query('release savepoint one_index');
    return undefined;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== DEPENDENT_OBJECTS) throw error;
    await client.query('rollback to savepoint one_index');
    const reason = `${index.indexname} was kept: ${error.detail ?? error.message}`;
    await recordKeptIndex(client, index, reason);
    return reason;
  }
}
