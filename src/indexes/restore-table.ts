import { notifyLoads } from '../store/bucket-load/load-notice.ts';
import { type IndexToRestore, listIndexesToRestore } from '../store/disabled-index/disabled-index.ts';
import { leaveOrRestoreIndexes, leaveRestore } from '../store/disabled-index/table-lock.ts';
import type { Queryable } from '../store/query.ts';
import { type ResourceTable, resolveTables } from '../store/resource-tables.ts';
import { atOnce } from './at-once.ts';
import { type RestoreIndexOptions, restoreIndex } from './restore-index.ts';

/** Indexes of one table that are built at the same time, each on a connection of its own. */
const INDEXES_AT_ONCE = 4;

/** The connection whose locks protect a load's tables; it runs one statement at a time. */
export interface TableLocks {
  do<T>(work: (connection: Queryable) => Promise<T>): Promise<T>;
}

/**
 * Restores the indexes of a table whose last file is in, unless another load, of any bucket or replica, still needs them
 * dropped: it is left to that one then, which is woken. Until this returns, the load must not prepare the table again.
 * @returns the DisabledIndexes that rows contradict
 * @throws what keeps Postgres from it for now: a lost connection, a deadlock
 */
export async function restoreTable(
  options: RestoreIndexOptions & { session: TableLocks },
  type: string,
): Promise<string[]> {
  const { pool, session } = options;
  const refused: string[] = [];
  for (const table of await resolveTables(pool, [type])) {
    if (!(await session.do((connection) => leaveOrRestoreIndexes(connection, table)))) {
      await notifyLoads(pool, { topic: 'indexes', name: table.name });
      continue;
    }
    try {
      refused.push(...(await restoreInOrder(options, await listIndexesToRestore(pool, { types: [type] }))));
    } finally {
      await session.do((connection) => endRestore(connection, table));
    }
  }
  return refused;
}

/**
 * Restores indexes of one table, to be called with the right to. Those of constraints come first and one by one: what makes an index
 * a constraint locks the table against all others, also against builds that run. The index by which the table is clustered comes last: its mark waits
 * for them. All others are built side by side.
 * @returns the DisabledIndexes that rows contradict
 * @throws what keeps Postgres from it for now, after those that run have ended
 */
export async function restoreInOrder(
  options: RestoreIndexOptions,
  indexes: readonly IndexToRestore[],
): Promise<string[]> {
  const refused: string[] = [];
  const restore = async (index: IndexToRestore) => {
    if (options.signal.aborted) return;
    if ((await restoreIndex(options, index)) === 'refused') refused.push(index.id);
  };
  const { keys = [], clustered = [], plain = [] } = Object.groupBy(indexes, kindOf);
  for (const index of keys) await restore(index);
  await atOnce(INDEXES_AT_ONCE, plain, restore);
  for (const index of clustered) await restore(index);
  return refused;
}

function kindOf({ index }: IndexToRestore): 'keys' | 'clustered' | 'plain' {
  if (index.constraint !== undefined) return 'keys';
  return index.marks?.clustered === true ? 'clustered' : 'plain';
}

/** Gives the right to restore a table's indexes back, and wakes the loads that wait for it. */
export async function endRestore(session: Queryable, table: ResourceTable): Promise<void> {
  await leaveRestore(session, table);
  await notifyLoads(session, { topic: 'indexes', name: table.name });
}
