import type { Failure } from '../errors/failure.ts';
import type { ClaimedFile, QueuedFile } from '../store/loader-file/queue.ts';
import type { NumberedRequest } from './load-request.ts';
import type { ResolvingState } from './resolving-state.ts';

/** Effects that the load cannot do without: they are tried again while their failure may pass. */
export type RetriedEffect =
  | { kind: 'join' }
  | { kind: 'rejoin' }
  /** List the unfinished files within the prefixes, after recovering what crashes left prepared. */
  | { kind: 'look'; generation: number; prefixes: readonly string[]; resolveReferences: boolean }
  /**
   * `incoming`: an estimate of the ndjson that comes, in bytes. `keepsIndexes`: they were restored in this load, and are not
   * dropped again.
   */
  | {
      kind: 'prepare-table';
      type: string;
      generation: number;
      request: NumberedRequest;
      incoming: number;
      keepsIndexes: boolean;
    }
  /** Restore a table's indexes, its last file being in, unless another load still needs them dropped. */
  | { kind: 'restore-table'; type: string }
  /** Fail a type's files: its table cannot take them. */
  | { kind: 'fail-files'; type: string; ids: readonly string[]; failure: Failure }
  /** Claim the first `most` free ones of these files. */
  | { kind: 'claim'; ids: readonly string[]; most: number; again?: string }
  | { kind: 'fail-file'; id: string; failure: Failure }
  /**
   * Leave the load; the last one out restores the indexes that are left. `first`: this process has not left yet. `refused`: the
   * DisabledIndexes that rows have contradicted already.
   */
  | { kind: 'finish'; first: boolean; refused: readonly string[] };

/** What a load raises for itself after a pause. */
export type DelayedEvent =
  /** The tables of that look have had their time to become ready together. */
  | { kind: 'tables-late'; look: number }
  /** The pause of a file that failed is over. */
  | { kind: 'file-due'; id: string }
  /** Files in flight have had their time to end by themselves. */
  | { kind: 'grace-over' }
  /** The pause of an effect that failed is over. */
  | { kind: 'effect-due'; effect: RetriedEffect };

/** All that a load does. Each of the first group ends with an event. */
export type LoadEffect =
  | RetriedEffect
  | {
      kind: 'load-file';
      claimed: ClaimedFile;
      request: NumberedRequest;
      partitions: number;
      resolving: ResolvingState;
      /** What is likely to be claimed when this file has ended. */
      next: QueuedFile | undefined;
    }
  /** Load small files in one transaction. */
  | { kind: 'load-batch'; claimed: readonly ClaimedFile[]; request: NumberedRequest }
  | { kind: 'count-connections' }
  /** Look whether somebody has cancelled the calls so far. */
  | { kind: 'check-cancel'; call: bigint }
  /** Raise the event after a pause; at once when the phase changes. */
  | { kind: 'later'; ms: number; event: DelayedEvent }

  /** Best effort: the claims of files that will not be loaded here are taken back. */
  | { kind: 'return-files'; ids: readonly string[] }
  /** Best effort: other replicas may begin files that waited for those of other types. */
  | { kind: 'notify-queued' }
  /** Best effort: what the load waits for, shown by the status; undefined takes it back. */
  | { kind: 'tell'; text: string | undefined }
  /** Best effort: why the load was given up. */
  | { kind: 'tell-given-up'; message: string }
  | { kind: 'log-error'; error: unknown }
  /** Leave connections that the main thread can do without to the files. */
  | { kind: 'give-way' }
  /** Roll back the files in flight, and stop waiting to join. */
  | { kind: 'abort'; reason: string }
  /** Give up the index that is being made. */
  | { kind: 'abort-finish' }
  | { kind: 'end' };

const RETRIED: ReadonlySet<string> = new Set<RetriedEffect['kind']>([
  'join',
  'rejoin',
  'look',
  'prepare-table',
  'restore-table',
  'fail-files',
  'claim',
  'fail-file',
  'finish',
]);

/** Whether the load cannot do without the effect, so that it is tried again when it fails. */
export function isRetried(effect: LoadEffect): effect is RetriedEffect {
  return RETRIED.has(effect.kind);
}
