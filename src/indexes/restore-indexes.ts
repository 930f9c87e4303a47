import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { notifyLoads } from '../store/bucket-load/load-notice.ts';
import { cancellable } from '../store/cancellable.ts';
import {
  type IndexToRestore,
  listIndexesToRestore,
  tableOf,
  updateDisabledIndex,
} from '../store/disabled-index/disabled-index.ts';
import { leaveOrRestoreIndexes, leaveRestore } from '../store/disabled-index/table-lock.ts';
import { inTransaction, type Queryable } from '../store/query.ts';
import { qualifiedName, type ResourceTable } from '../store/resource-tables.ts';
import { atOnce } from './at-once.ts';
import { createIndex } from './create-index.ts';
import type { IndexObserver } from './index-observer.ts';

/** Tables whose indexes are made at the same time. */
const TABLES_AT_ONCE = 4;

export interface RestoreIndexOptions {
  pool: pg.Pool;
  /** Where indexes are built: a build may take hours, and waits for a connection as long as it takes. */
  buildPool: pg.Pool;
  log: Logger;
  observer: IndexObserver;
  /** Aborted: the index being rebuilt is given up, and no further one begun. */
  signal: AbortSignal;
}

export interface RestoreIndexesOptions extends RestoreIndexOptions {
  /** A session that holds the right to restore while it lives. */
  session: Queryable;
  /** The bucket that was loaded, and the resource types of its files. */
  bucket: string;
  types: readonly string[];
}

/**
 * Restores the dropped indexes of a bucket's tables. A table whose indexes another load still needs dropped is left
 * to that load.
 * @throws after the others are restored, what keeps an index from being rebuilt for now: a lost connection, a deadlock
 */
export async function restoreIndexes(options: RestoreIndexesOptions): Promise<void> {
  const waiting = await listIndexesToRestore(options.pool, options);
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
  await atOnce(TABLES_AT_ONCE, queue, async (indexes) => {
    for (const index of indexes) if (!options.signal.aborted) await restoreIndex(options, index);
  });
  for (const table of held) await endRestore(options.session, table);
}

/** Gives the right to restore a table's indexes back, and wakes the loads that wait for it. */
export async function endRestore(session: Queryable, table: ResourceTable): Promise<void> {
  await leaveRestore(session, table);
  await notifyLoads(session, { topic: 'indexes', name: table.name });
}

/**
 * Rebuilds a dropped index, in one transaction with the mark on its DisabledIndex row: a crash at any instant leaves it
 * either rebuilt and `restored`, or still to be rebuilt. One that cannot be rebuilt (rows contradict a key) gets the
 * reason as `message` and is tried again at the end of the next load. To be called with the right to restore.
 * @throws what keeps it from being made for now: a lost connection, a deadlock
 */
export async function restoreIndex(
  { pool, buildPool, log, observer, signal }: RestoreIndexOptions,
  waiting: IndexToRestore,
): Promise<void> {
  try {
    const { durationMs, notes } = await inTransaction(buildPool, async (client) => {
      signal.throwIfAborted();
      const start = new Date();
      const build = () => createIndex(client, waiting.index);
      const refused = await cancellable(pool, client, { signal, graceMs: 0 }, build);
      const end = new Date();
      await updateDisabledIndex(client, waiting.id, {
        status: 'restored',
        restore: { start: start.toISOString(), end: end.toISOString(), duration: end.getTime() - start.getTime() },
        ...(refused.length === 0 ? {} : { message: `${waiting.index.indexname} was ${refused.join('; ')}` }),
      });
      await notifyLoads(client, { topic: 'indexes', name: waiting.index.tablename });
      return { durationMs: end.getTime() - start.getTime(), notes: refused };
    });
    observer.onIndexRestored(durationMs);
    const index = waiting.index.indexname;
    if (notes.length === 0) log.info({ index, durationMs }, 'index restored');
    else log.warn({ index, durationMs, notes }, 'index restored, but not with all that it had');
  } catch (error) {
    if (signal.aborted) return;
    const { message, transient } = toFailure(error);
    if (transient) throw error;
    const reason = `${waiting.index.indexname} could not be restored: ${message}`;
    await updateDisabledIndex(pool, waiting.id, { message: reason });
    observer.onIndexFailed();
    log.error({ index: waiting.index.indexname }, 'index not restored; its DisabledIndex says why');
  }
}
