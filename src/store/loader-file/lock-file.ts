import type { Queryable } from '../query.ts';

/**
 * Locks a file until the end of the transaction, without waiting.
 * @returns false when somebody else has it, its status is none of `statuses` by now, it is deleted, or its rows are
 * committed already and only `done` is missing
 */
export async function lockFile(db: Queryable, id: string, statuses: readonly string[]): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from loaderfile where id = $1 and resource ->> 'status' = any ($2) and not resource ? 'commit'
        for update skip locked`,
    [id, statuses],
  );
  return rowCount === 1;
}
