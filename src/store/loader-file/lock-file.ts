import type { Queryable } from '../query.ts';
import { DECIDED } from './decided.ts';

/**
 * Locks a file until the end of the transaction, without waiting.
 * @returns false when somebody else has it, its status is none of `statuses` by now, it is deleted, or its rows are
 * committed already and only `done` is missing
 */
export async function lockFile(db: Queryable, id: string, statuses: readonly string[]): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from loaderfile l where l.id = $1 and l.resource ->> 'status' = any ($2) for update skip locked`,
    [id, statuses],
  );
  if (rowCount !== 1) return false;
  // Once it is locked: a statement begun before the decision was committed would not see that.
  const decided = await db.query(`select from loaderfile l where l.id = $1 and ${DECIDED}`, [id]);
  return decided.rowCount === 0;
}
