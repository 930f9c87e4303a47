import type { Queryable } from './query.ts';

/**
 * Lets the transaction's commit return before it is on disk. Should Postgres then crash, the whole transaction is lost,
 * nothing of it.
 * Not so on Citus, where the coordinator's commit decides what its workers, which have their own disks, commit right
 * after: a decision lost there would leave their rows behind. There the commit waits, as it does by default.
 */
export async function commitLazily(client: Queryable): Promise<void> {
  await client.query(
    `select set_config('synchronous_commit', 'off', true)
      where not exists (select from pg_extension where extname = 'citus')`,
  );
}
