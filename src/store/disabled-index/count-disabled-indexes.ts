import type { Queryable } from '../query.ts';

/** How many dropped indexes are not restored yet, of all loads. */
export async function countDisabledIndexes(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ indexes: number }>(
    `select count(*)::int as indexes from disabledindex where resource ->> 'status' = 'disabled'`,
  );
  return rows[0]?.indexes ?? 0;
}
