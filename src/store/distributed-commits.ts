import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { FileError } from '../errors/file-error.ts';
import { SQLSTATE } from '../errors/sqlstate.ts';
import { isCitus } from './distributed-tables.ts';
import type { Queryable } from './query.ts';

/** Pause between looks, and how long one call goes on with them, in ms. */
const LOOK_MS = 500;
const TIMEOUT_MS = 15_000;

/** The prepared transactions of a node that Citus has made, as one text, since one value is what a command on a node returns. */
const PREPARED = `select coalesce(string_agg(gid, ','), '') from pg_prepared_xacts
                   where database = current_database() and starts_with(gid, 'citus_')`;

/** Has a node complete what it has begun, where the role may: what others have prepared for it. */
const RECOVER = `select recover_prepared_transactions()
                  where has_function_privilege('recover_prepared_transactions()', 'execute')`;

/**
 * On Citus: waits until all that a node has committed, the coordinator or a worker through which rows were sent, is committed on
 * the others. One that restarts in the middle of a commit has its part prepared only, so that its rows are not to be seen, until Citus commits it
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
    await db.query('select run_command_on_all_nodes($1)', [RECOVER]);
    await delay(LOOK_MS);
    // Those that began meanwhile are not waited for.
    const now = await listUnfinishedCommits(db);
    unfinished = new Set([...unfinished].filter((gid) => now.has(gid)));
  }
}

/**
 * The names of the transactions that are committed on the node that began them and still prepared on another.
 * @throws FileError, transient, where a node cannot be asked
 */
async function listUnfinishedCommits(db: Queryable): Promise<Set<string>> {
  const prepared = await namesOnAllNodes(db, PREPARED);
  if (prepared.length === 0) return new Set();
  // Citus records what it has decided to commit in the transaction that it commits, on the node that commits it.
  const wanted = prepared.map((gid) => pg.escapeLiteral(gid)).join(', ');
  const decided = `select coalesce(string_agg(gid, ','), '') from pg_dist_transaction where gid in (${wanted})`;
  return new Set(await namesOnAllNodes(db, decided));
}

/** What a query returns on each node: names, separated by commas. */
async function namesOnAllNodes(db: Queryable, query: string): Promise<string[]> {
  const { rows } = await db.query<{ node: string; success: boolean; result: string }>(
    `select concat(nodename, ':', nodeport) as node, success, result
       from run_command_on_all_nodes($1) left join pg_dist_node using (nodeid)`,
    [query],
  );
  for (const { node, success, result } of rows) if (!success) throw notCommitted(`${node}: ${result}`);
  return rows.flatMap(({ result }) => result.split(',')).filter((name) => name !== '');
}

function notCommitted(what: string): FileError {
  const code = SQLSTATE.connectionFailure;
  const message = `${code}: rows that are committed are not known to be there on all workers of Citus yet (${what})`;
  return new FileError(message, { source: 'postgres', code, transient: true });
}
