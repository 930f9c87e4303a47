import type pg from 'pg';
import type { Queryable } from './query.ts';
import { type Statement, Statements } from './statement.ts';

/**
 * Lets the transaction's commit return before it is on disk. Should Postgres then crash, the whole transaction is lost,
 * nothing of it.
 * Not so on Citus, where the coordinator's commit decides what its workers, which have their own disks, commit right
 * after: a decision lost there would leave their rows behind. There the commit waits, as it does by default.
 */
export const COMMIT_LAZILY: Statement<void> = {
  text: `select set_config('synchronous_commit', 'off', true)
      where not exists (select from pg_extension where extname = 'citus')`,
  read: () => {},
};

/** Begins a transaction whose commit is on disk before it is answered, whatever the role's default is. */
export async function beginDurably(client: Queryable): Promise<void> {
  await client.query('begin; set local synchronous_commit = on');
}

/**
 * Makes all that is visible now durable (see `flushCommits`), with no write where the WAL is on disk up to here already. How far
 * a synchronous standby is, most roles may not see: where there may be one, it is waited for.
 * @param options.replicated whether a commit that waits for the standby is known to have come after what matters
 */
export async function flushVisibleCommits(pool: pg.Pool, { replicated }: { replicated: boolean }): Promise<void> {
  const { rows } = await pool.query<{ flushed: boolean }>(
    `select pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()
              and ($1 or current_setting('synchronous_standby_names') = '') as flushed`,
    [replicated],
  );
  if (rows[0]?.flushed !== true) await flushCommits(pool);
}

/**
 * Makes all that was committed lazily (see `COMMIT_LAZILY`) durable: a commit that waits for the disk takes those before
 * it along, if it has written anything itself. The message that it writes is read by nobody.
 */
export async function flushCommits(pool: pg.Pool): Promise<void> {
  const statements = new Statements();
  // One message is one transaction.
  statements.add({ text: 'set local synchronous_commit = on', read: () => {} });
  statements.add({
    text: `select pg_logical_emit_message(true, 'fhir-bucket-loader', 'a load has ended')`,
    read: () => {},
  });
  await statements.send(pool);
}
