import { type IndexToRestore, listIndexesToRestore, tableOf } from '../store/disabled-index/disabled-index.ts';
import { leaveOrRestoreIndexes } from '../store/disabled-index/table-lock.ts';
import type { Queryable } from '../store/query.ts';
import { qualifiedName, type ResourceTable } from '../store/resource-tables.ts';
import { atOnce } from './at-once.ts';
import type { RestoreIndexOptions } from './restore-index.ts';
import { endRestore, restoreInOrder } from './restore-table.ts';

/** Tables whose indexes are made at the same time. */
const TABLES_AT_ONCE = 4;

export interface RestoreIndexesOptions extends RestoreIndexOptions {
  /** A session that holds the right to restore while it lives. */
  session: Queryable;
  /** The bucket that was loaded, and the resource types of its files. */
  bucket: string;
  types: readonly string[];
  /** DisabledIndexes that are not tried: rows have contradicted them in this load already. */
  refused: readonly string[];
}

/**
 * Restores the dropped indexes of a bucket's tables. A table whose indexes another load still needs dropped is left
 * to that load.
 * @throws after the others are restored, what keeps an index from being rebuilt for now: a lost connection, a deadlock
 */
export async function restoreIndexes(options: RestoreIndexesOptions): Promise<void> {
  const waiting = (await listIndexesToRestore(options.pool, options)).filter(({ id }) => !options.refused.includes(id));
  const queue: IndexToRestore[][] = [];
  const held: ResourceTable[] = [];
  for (const indexes of Map.groupBy(waiting, ({ index }) => qualifiedName(tableOf(index))).values()) {
    const [first] = indexes;
    if (first === undefined) continue;
    const table = tableOf(first.index);
    if (!(await leaveOrRestoreIndexes(options.session, table))) continue;
    held.push(table);
    queue.push(indexes);
  }
  try {
    await atOnce(TABLES_AT_ONCE, queue, async (indexes) => {
      await restoreInOrder(options, indexes);
    });
  } finally {
    for (const table of held) await endRestore(options.session, table);
  }
}
