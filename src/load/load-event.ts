import type { Failure } from '../errors/failure.ts';
import type { TableState } from '../indexes/prepare-table.ts';
import type { LoadNotice } from '../store/bucket-load/load-notice.ts';
import type { FileList } from '../store/loader-file/file-list.ts';
import type { ClaimedFile } from '../store/loader-file/queue.ts';
import type { BatchOutcome } from '../worker/batch-task.ts';
import type { FileOutcome } from '../worker/file-task.ts';
import type { DelayedEvent, RetriedEffect } from './load-effect.ts';
import type { NumberedRequest } from './load-request.ts';

/** Every event of a load. */
export type LoadEvent =
  | DelayedEvent
  /** A later call for the bucket. */
  | { kind: 'called'; request: NumberedRequest }
  /** The session holds the bucket's lock. */
  | { kind: 'joined'; maxPartitions: number; freeConnections: number }
  /** The session's connection ended, and with it its locks. */
  | { kind: 'session-lost' }
  /** It is connected and holds the bucket's lock again. */
  | { kind: 'session-rejoined' }
  /** The unfinished files were listed, and those that are done counted by type, where references are resolved. */
  | {
      kind: 'looked';
      generation: number;
      files: FileList;
      doneFiles?: Readonly<Record<string, number>>;
    }
  | { kind: 'table-prepared'; type: string; generation: number; table: TableState }
  /** `refused`: the DisabledIndexes that rows contradict. */
  | { kind: 'restore-ended'; type: string; refused: readonly string[] }
  /** Files whose table cannot take them are marked. */
  | { kind: 'files-failed' }
  /** A claim ended. `again` names one file where it is claimed again after a failure. */
  | { kind: 'claimed'; claimed: readonly ClaimedFile[]; again?: string }
  | { kind: 'file-ended'; id: string; outcome: FileOutcome }
  /** An attempt at a batch ended. `ids` are in the order of its files. */
  | { kind: 'batch-ended'; ids: readonly string[]; outcome: BatchOutcome }
  /** The file is marked `error` after its last attempt. */
  | { kind: 'file-failed'; id: string }
  | { kind: 'connections-counted'; free: number }
  /** Another process has announced a change in the database. */
  | { kind: 'noticed'; notice: LoadNotice }
  /** The slow poll, for changes without a notification: a replica that died, a LoaderFile changed by hand. */
  | { kind: 'tick' }
  /** That call and those before it. */
  | { kind: 'cancelled'; call: bigint }
  | { kind: 'shutdown'; graceMs: number }
  /** `isFinished`: the indexes are restored, by this process or another; else another process is restoring them. */
  | { kind: 'finish-ended'; isFinished: boolean; types: readonly string[] }
  | { kind: 'effect-failed'; effect: RetriedEffect; failure: Failure; error: unknown }
  /** The status could not be written. */
  | { kind: 'tell-failed' };
