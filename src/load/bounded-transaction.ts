import type pg from 'pg';
import { ClientError } from '../errors/client-error.ts';
import { SQLSTATE, sqlstateOf } from '../errors/sqlstate.ts';
import { findOldTransaction } from '../store/lock-waits.ts';
import { inTransaction } from '../store/query.ts';

/** How long a call waits for other calls for its bucket, which may queue a million files, in ms. */
export const TURN_WAIT_MS = 60_000;

/** How long a call waits for rows that another transaction has written and not committed, in ms. */
export const ROWS_WAIT_MS = 10_000;

/**
 * Runs what a call writes in a transaction, which bounds its waits (`boundLockWaits`): a client or a replica that
 * vanished can leave a transaction open for as long as a proxy keeps its connection.
 * @throws ClientError when the wait is over: whom the call waited for, and what to do
 */
export async function inBoundedTransaction<T>(
  pool: pg.Pool,
  bucket: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  try {
    return await inTransaction(pool, work);
  } catch (error) {
    if (sqlstateOf(error) !== SQLSTATE.lockNotAvailable) throw error;
    const holder = await findOldTransaction(pool, ROWS_WAIT_MS);
    const who =
      holder === undefined
        ? 'Another transaction holds what it needs; find it in pg_stat_activity'
        : `Backend ${holder.pid} (application "${holder.application}") has had a transaction open since ` +
          `${holder.since.toISOString()}; end it with select pg_terminate_backend(${holder.pid})`;
    throw new ClientError(
      'database-unavailable',
      `Nothing was changed for bucket <${bucket}>: the call waited too long for a lock. ${who}, then call again.`,
      { code: SQLSTATE.lockNotAvailable },
      { cause: error },
    );
  }
}
