import type pg from 'pg';
import { prepareTable } from '../indexes/prepare-table.ts';
import { restoreTable } from '../indexes/restore-table.ts';
import type { RunRecord } from '../progress/run-record.ts';
import { isCancelled, setGivenUp, setWaitsFor } from '../store/bucket-load/bucket-load.ts';
import { notifyLoads } from '../store/bucket-load/load-notice.ts';
import type { ConnectionShare } from '../store/connection-share.ts';
import { countDoneFiles } from '../store/loader-file/bucket-files.ts';
import { failUnfinishedFile, returnClaimedFiles } from '../store/loader-file/finish-loader-file.ts';
import { claimLoaderFiles } from '../store/loader-file/queue.ts';
import { listUnfinishedFiles } from '../store/loader-file/unfinished-files.ts';
import type { AttemptRecovery } from '../target/attempt-recovery.ts';
import { maxPreparedTransactions } from '../target/partitioned/prepared-transaction.ts';
import { finishLoad } from './finish-load.ts';
import type { LoadEffect } from './load-effect.ts';
import type { LoadEvent } from './load-event.ts';
import type { LoadSession } from './load-session.ts';
import { runBatch } from './run-batch.ts';
import { type RunFileDeps, runFile } from './run-file.ts';

export interface EffectDeps extends RunFileDeps {
  pool: pg.Pool;
  share: ConnectionShare;
  buildPool: pg.Pool;
  bucket: string;
  session: LoadSession;
  record: RunRecord;
  recovery: AttemptRecovery;
  /** Called when a status answer, of any replica, shows that the bucket is worked on. */
  announce: () => void;
  /** On Citus: whether missing tables are created as distributed ones. */
  distributeTables: boolean;
  /** The types of all tables that were ever prepared. */
  types: () => Iterable<string>;
  /** Aborted when the server shuts down and its grace period is over. */
  shutdown: AbortSignal;
}

/** An effect that touches the database or the workers. */
export type OutwardEffect = Exclude<LoadEffect, { kind: 'later' | 'abort' | 'abort-finish' | 'log-error' | 'end' }>;

/**
 * Carries out an effect.
 * @returns the event that it results in, if any
 * @throws what made it fail
 */
export async function perform(effect: OutwardEffect, deps: EffectDeps): Promise<LoadEvent | undefined> {
  const { pool, session, bucket } = deps;
  switch (effect.kind) {
    case 'join': {
      // Before the session has its lock: an attempt that fails leaves nothing behind.
      const maxPartitions = await maxPreparedTransactions(pool);
      // One of them will be the session's.
      const freeConnections = (await deps.share.countFree()) - 1;
      await session.join(deps.announce, deps.signal, (joined) => deps.record.enter(joined));
      return { kind: 'joined', maxPartitions, freeConnections };
    }
    case 'rejoin':
      await session.join(
        () => {},
        deps.shutdown,
        (joined) => deps.record.enter(joined),
      );
      return { kind: 'session-rejoined' };
    case 'look': {
      const { generation, prefixes } = effect;
      await deps.recovery.look();
      const files = await listUnfinishedFiles(pool, bucket, prefixes);
      if (!effect.resolveReferences) return { kind: 'looked', generation, files };
      // Not before: it counts at least all that are not unfinished.
      return { kind: 'looked', generation, files, doneFiles: await countDoneFiles(pool, bucket) };
    }
    case 'prepare-table': {
      const { type, generation, request, incoming, keepsIndexes } = effect;
      const table = await prepareTable({ ...deps, bucket, type, write: request.write, incoming, keepsIndexes });
      return { kind: 'table-prepared', type, generation, table };
    }
    case 'restore-table': {
      const { type } = effect;
      return { kind: 'restore-ended', type, refused: await restoreTable({ ...deps, signal: deps.shutdown }, type) };
    }
    case 'fail-files': {
      const { type, ids, failure } = effect;
      let files = 0;
      for (const id of ids) if (await failUnfinishedFile(pool, id, failure)) files++;
      // About a table, not about its rows: unlike other failures' messages, this one quotes no resource.
      const { code, message: reason } = failure;
      // Where none is left, another look, of this or another process, has failed them and said so.
      if (files > 0) deps.log.error({ type, code, reason, files }, 'files failed: their table cannot take them');
      return { kind: 'files-failed' };
    }
    case 'claim': {
      const claimed = await claimLoaderFiles(pool, effect.ids, effect.most);
      return { kind: 'claimed', claimed, ...(effect.again === undefined ? {} : { again: effect.again }) };
    }
    case 'load-file':
      return { kind: 'file-ended', id: effect.claimed.id, outcome: await runFile(effect, deps) };
    case 'load-batch':
      return { kind: 'batch-ended', ids: effect.claimed.map(({ id }) => id), outcome: await runBatch(effect, deps) };
    case 'fail-file':
      await failUnfinishedFile(pool, effect.id, effect.failure);
      return { kind: 'file-failed', id: effect.id };
    case 'finish': {
      await deps.recovery.complete(bucket, deps.shutdown);
      const options = { ...deps, session: session.connection, types: deps.types(), signal: deps.shutdown };
      return { kind: 'finish-ended', ...(await finishLoad(options, effect)) };
    }
    case 'count-connections':
      return { kind: 'connections-counted', free: await deps.share.countFree() };
    case 'check-cancel':
      return (await isCancelled(pool, bucket, effect.call)) ? { kind: 'cancelled', call: effect.call } : undefined;
    case 'return-files':
      await returnClaimedFiles(pool, effect.ids);
      return undefined;
    case 'notify-queued':
      await notifyLoads(pool, { topic: 'queued', name: bucket });
      return undefined;
    case 'tell':
      await setWaitsFor(pool, bucket, effect.text);
      return undefined;
    case 'tell-given-up':
      await setGivenUp(pool, bucket, `The load was given up: ${effect.message}.`);
      return undefined;
    case 'give-way':
      await deps.share.giveWay();
      return undefined;
  }
}
