import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Queryable } from './query.ts';
import type { Statement } from './statement.ts';

/** How long the end of a transaction is waited for whose connection is lost, and the pause between two looks, in ms. */
const END_WAIT_MS = 5_000;
const PAUSE_MS = 50;

/** The transaction that a connection is in, as `hasCommitted` knows it on any other one. */
export const TRANSACTION: Statement<string> = {
  text: 'select pg_current_xact_id()::text as transaction',
  read: ({ rows: [row] }: pg.QueryResult<{ transaction: string }>) => {
    if (row === undefined) throw new Error('pg_current_xact_id returned no row');
    return row.transaction;
  },
};

/**
 * Whether a transaction has committed whose COMMIT was sent and not answered, by Postgres's own record of it.
 * @param transaction what `TRANSACTION` was answered in it
 * @returns false where it was rolled back, and where its backend, which does not know yet that it has no client, does not end in time
 * @throws what Postgres answers
 */
export async function hasCommitted(db: Queryable, transaction: string): Promise<boolean> {
  const deadline = performance.now() + END_WAIT_MS;
  for (;;) {
    const { rows } = await db.query<{ end: string | null }>('select pg_xact_status($1::text::xid8) as end', [
      transaction,
    ]);
    const end = rows[0]?.end;
    if (end !== 'in progress' || performance.now() >= deadline) return end === 'committed';
    await delay(PAUSE_MS);
  }
}
