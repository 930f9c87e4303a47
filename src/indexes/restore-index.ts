import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { notifyLoads } from '../store/bucket-load/load-notice.ts';
import { cancellable } from '../store/cancellable.ts';
import { type IndexToRestore, updateDisabledIndex } from '../store/disabled-index/disabled-index.ts';
import { lockToRestore } from '../store/disabled-index/restore-lock.ts';
import { inTransaction } from '../store/query.ts';
import { createIndex } from './create-index.ts';
import type { IndexObserver } from './index-observer.ts';

export interface RestoreIndexOptions {
  pool: pg.Pool;
  /** Where indexes are built: a build may take hours, and waits for a connection as long as it takes. */
  buildPool: pg.Pool;
  log: Logger;
  observer: IndexObserver;
  /** Aborted: the index being rebuilt is given up, and no further one begun. */
  signal: AbortSignal;
}

/**
 * Rebuilds a dropped index, in one transaction with the mark on its DisabledIndex row: a crash at any instant leaves it
 * either rebuilt and `restored`, or still to be rebuilt. One that cannot be rebuilt (rows contradict a key) gets the
 * reason as `message` and is tried again at the end of the next load. To be called with the right to restore.
 * @returns `gone`: another process has restored it by now, or its DisabledIndex is deleted; `refused`: rows contradict it
 * @throws what keeps it from being made for now: a lost connection, a deadlock
 */
export async function restoreIndex(
  { pool, buildPool, log, observer, signal }: RestoreIndexOptions,
  waiting: IndexToRestore,
): Promise<'restored' | 'refused' | 'gone' | 'given-up'> {
  try {
    const built = await inTransaction(buildPool, async (client) => {
      signal.throwIfAborted();
      const start = new Date();
      const build = async () =>
        (await lockToRestore(client, waiting.id)) ? await createIndex(client, waiting.index) : undefined;
      const refused = await cancellable(pool, client, { signal, graceMs: 0 }, build);
      if (refused === undefined) return undefined;
      const end = new Date();
      await updateDisabledIndex(client, waiting.id, {
        status: 'restored',
        restore: { start: start.toISOString(), end: end.toISOString(), duration: end.getTime() - start.getTime() },
        ...(refused.length === 0 ? {} : { message: `${waiting.index.indexname} was ${refused.join('; ')}` }),
      });
      await notifyLoads(client, { topic: 'indexes', name: waiting.index.tablename });
      return { durationMs: end.getTime() - start.getTime(), notes: refused };
    });
    if (built === undefined) return 'gone';
    const { durationMs, notes } = built;
    observer.onIndexRestored(durationMs);
    const index = waiting.index.indexname;
    if (notes.length === 0) log.info({ index, durationMs }, 'index restored');
    else log.warn({ index, durationMs, notes }, 'index restored, but not with all that it had');
    return 'restored';
  } catch (error) {
    if (signal.aborted) return 'given-up';
    const { message, transient } = toFailure(error);
    if (transient) throw error;
    const reason = `${waiting.index.indexname} could not be restored: ${message}`;
    await updateDisabledIndex(pool, waiting.id, { message: reason });
    observer.onIndexFailed();
    log.error({ index: waiting.index.indexname }, 'index not restored; its DisabledIndex says why');
    return 'refused';
  }
}
