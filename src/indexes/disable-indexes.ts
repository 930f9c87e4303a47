import pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { type Pauses, retry } from '../errors/retry-policy.ts';
import { SQLSTATE, sqlstateOf } from '../errors/sqlstate.ts';
import { notifyLoads } from '../store/bucket-load/load-notice.ts';
import { recordKeptIndex } from '../store/disabled-index/disabled-index.ts';
import type { TableIndex } from '../store/disabled-index/table-index.ts';
import { tryDropPrimaryKey } from '../store/disabled-index/table-lock.ts';
import { inTransaction, type Queryable } from '../store/query.ts';
import type { ResourceTable } from '../store/resource-tables.ts';
import { dropIndex } from './drop-index.ts';
import { hasIndexes, listFixedIndexes, listTableIndexes, lockTable, type WhichIndexes } from './table-index.ts';

/** How long one attempt waits for the table's lock, in ms; every later transaction on that table waits as well. */
const LOCK_TIMEOUT_MS = 2_000;
const ATTEMPTS = 5;
const PAUSES: Pauses = { firstMs: 3_000, mostMs: 3_000 };

export interface DisableIndexesOptions {
  pool: pg.Pool;
  /** The bucket that is loaded. */
  bucket: string;
  table: ResourceTable;
  which: WhichIndexes;
  /** Aborted: the indexes stay as they are. */
  signal: AbortSignal;
  /** Called for each index that had to stay, with the reason. */
  onKept: (reason: string) => void;
  /** Called when the table has none of those indexes. */
  onNone: () => void;
}

/**
 * Drops the indexes of a table, in one transaction that first records them as DisabledIndex resources. What cannot be
 * dropped (the table's lock cannot be had, its role may not, a foreign key points to the key, another load relies on
 * it) stays: the load is then slower but no less right. To be called with `tryHoldIndexesOff`.
 * @throws what keeps Postgres from it for now: a lost connection, a deadlock
 */
export async function disableIndexes(options: DisableIndexesOptions): Promise<void> {
  const { pool, table, which, onKept, onNone } = options;
  const fixed = await listFixedIndexes(pool, table, which);
  for (const { index, reason } of fixed) {
    onKept(reason);
    await recordKeptIndex(pool, index, reason);
  }
  if (await hasIndexes(pool, table, which)) await dropAll(options);
  else if (fixed.length === 0) onNone();
}

async function dropAll(options: DisableIndexesOptions): Promise<void> {
  const { signal, onKept } = options;
  try {
    const kept = await retry(() => dropOnce(options), {
      attempts: ATTEMPTS,
      pauses: PAUSES,
      signal,
      isTransient: (error) => sqlstateOf(error) === SQLSTATE.lockNotAvailable,
    });
    for (const reason of kept) onKept(reason);
  } catch (error) {
    const { code, message, transient } = toFailure(error);
    if (code === SQLSTATE.lockNotAvailable) {
      if (!signal.aborted) onKept(`the lock that dropping indexes needs could not be acquired in ${ATTEMPTS} attempts`);
      return;
    }
    if (transient || sqlstateOf(error) === undefined) throw error;
    onKept(message);
  }
}

/** @returns why indexes had to stay */
async function dropOnce({ pool, bucket, table, which }: DisableIndexesOptions): Promise<string[]> {
  return await inTransaction(pool, async (client) => {
    await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await lockTable(client, table);
    const reasons: string[] = [];
    // Only under the lock is it sure which there are: the load of another bucket may drop the same.
    for (const index of await listTableIndexes(client, table, which)) {
      const reason = await dropUnlessNeeded(client, table, index, bucket);
      if (reason !== undefined) reasons.push(reason);
    }
    await notifyLoads(client, { topic: 'indexes', name: table.name });
    return reasons;
  });
}

/** @returns why the index had to stay, or undefined */
async function dropUnlessNeeded(
  client: Queryable,
  table: ResourceTable,
  index: TableIndex,
  bucket: string,
): Promise<string | undefined> {
  if (index.primary && !(await tryDropPrimaryKey(client, table))) {
    const reason = `${index.indexname} was kept: another load relies on it`;
    await recordKeptIndex(client, index, reason);
    return reason;
  }
  await client.query('savepoint one_index');
  try {
    await dropIndex(client, index, bucket);
    await client.query('release savepoint one_index');
    return undefined;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== SQLSTATE.dependentObjectsStillExist) throw error;
    await client.query('rollback to savepoint one_index');
    const reason = `${index.indexname} was kept: ${error.detail ?? error.message}`;
    await recordKeptIndex(client, index, reason);
    return reason;
  }
}
