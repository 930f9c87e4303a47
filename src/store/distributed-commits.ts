import { setTimeout as delay } from 'node:timers/promises';
import { FileError } from '../errors/file-error.ts';
import { SQLSTATE } from '../errors/sqlstate.ts';
import { isCitus } from './distributed-tables.ts';
import type { Queryable } from './query.ts';

/** Pause between looks, and how long one call goes on with them, in ms. */
const LOOK_MS = 500;
const TIMEOUT_MS = 15_000;

/** The prepared transactions of a worker that Citus has made, as one text, since one value is what a worker's command returns. */
const PREPARED = `select coalesce(string_agg(gid, ','), '') from pg_prepared_xacts
                   where database = current_database() and starts_with(gid, 'citus_')`;

/**
 * On Citus: waits until all that the coordinator has committed is committed on the workers. One that restarts in the middle
 * of a commit has its part prepared only, so that its rows are not to be seen, until Citus commits it
 * (`citus.recover_2pc_interval`, a minute); a role that may have that done at once does so.
 * @throws FileError, transient, when it is not so after 15 s
 */
export async function awaitDistributedCommits(db: Queryable, signal: AbortSignal): Promise<void> {
  if (!(await isCitus(db))) return;
  const deadline = performance.now() + TIMEOUT_MS;
  let unfinished = await listUnfinishedCommits(db);
  while (unfinished.size > 0) {
    signal.throwIfAborted();
    if (performance.now() >= deadline) throw notCommitted(`${unfinished.size} transactions`);
    await db.query(
      `select recover_prepared_transactions()
        where has_function_privilege('recover_prepared_transactions()', 'execute')`,
    );
    await delay(LOOK_MS);
    // Those that began meanwhile are not waited for.
    const now = await listUnfinishedCommits(db);
    unfinished = new Set([...unfinished].filter((gid) => now.has(gid)));
  }
}

/**
 * The names of the transactions that are committed on the coordinator and still prepared on a worker.
 * @throws FileError, transient, where a worker cannot be asked
 */
async function listUnfinishedCommits(db: Queryable): Promise<Set<string>> {
  const { rows: workers } = await db.query<{ worker: string; success: boolean; result: string }>(
    `select concat(nodename, ':', nodeport) as worker, success, result from run_command_on_workers($1)`,
    [PREPARED],
  );
  for (const { worker, success, result } of workers) if (!success) throw notCommitted(`${worker}: ${result}`);
  const prepared = workers.flatMap(({ result }) => result.split(',')).filter((gid) => gid !== '');
  // Citus records what it has decided to commit in the transaction that it commits.
  const { rows } = await db.query<{ gid: string }>('select gid from pg_dist_transaction where gid = any ($1)', [
    prepared,
  ]);
  return new Set(rows.map(({ gid }) => gid));
}

function notCommitted(what: string): FileError {
  const code = SQLSTATE.connectionFailure;
  const message = `${code}: rows that are committed are not known to be there on all workers of Citus yet (${what})`;
  return new FileError(message, { source: 'postgres', code, transient: true });
}
