import { lockKey } from '../advisory-lock.ts';
import type { Queryable } from '../query.ts';

/** "This transaction rebuilds the index of this DisabledIndex." */
const RESTORE = lockKey(`'restore ' || $1::text`);

/**
 * Gets the right to rebuild an index until the end of the transaction, waiting for another one that has it: a process
 * whose session was lost goes on with what it builds, while another takes the table over. The row itself is not locked: who
 * gives the index up may delete it at any time.
 * @returns whether the index is still to be rebuilt
 */
export async function lockToRestore(db: Queryable, id: string): Promise<boolean> {
  await db.query(`select pg_advisory_xact_lock(${RESTORE})`, [id]);
  // Another statement, which sees what was committed while this one waited.
  const { rowCount } = await db.query(
    `select from disabledindex where id = $1 and resource ->> 'status' = 'disabled'`,
    [id],
  );
  return rowCount === 1;
}
