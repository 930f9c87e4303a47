import type pg from 'pg';
import { inTransaction } from './query.ts';

/**
 * Makes all that was committed lazily (see `commitLazily`) durable: a commit that waits for the disk takes those before
 * it along, if it has written anything itself. The message that it writes is read by nobody.
 */
export async function flushCommits(pool: pg.Pool): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query('set local synchronous_commit = on');
    await client.query(`select pg_logical_emit_message(true, 'fhir-bucket-loader', 'a load has ended')`);
  });
}
