import type { FastifyBaseLogger as Logger } from 'fastify';
import { toFailure } from '../../errors/failure.ts';
import { toClientError } from '../../errors/to-client-error.ts';
import type { StoredWatch } from '../../store/bucket-watch/bucket-watch.ts';
import type { CallRecord } from '../../store/load-run/run-call.ts';
import type { LoadRequest } from '../load-request.ts';
import type { KeyCursor } from './key-cursor.ts';
import type { MissingObjects } from './missing-objects.ts';

/** Whose listing it is. */
export interface WatchCall {
  /** Id of the watch: when it has ended, nothing is queued. */
  id: string;
  record: CallRecord;
  /** Where keys are in the order of time: how far earlier listings have come. */
  cursor: KeyCursor | undefined;
  missing: MissingObjects;
}

/** What a listing has come to. */
export interface WatchedListing {
  /** Whether there was something to do. */
  called: boolean;
  /** New objects whose keys come before those of earlier listings. */
  late: number;
  /** Whether files that are being written were left to a later listing. */
  hasLeft: boolean;
}

export interface WatchRoundOptions {
  log: Logger;
  /**
   * Reads stored params: what is asked for, with the server's own credentials, and what the record of a run says of it.
   * @throws where this version of the loader does not understand them
   */
  readCall: (params: Readonly<Record<string, unknown>>) => {
    request: LoadRequest;
    recorded: CallRecord['params'];
    /** Whether new objects have keys after all earlier ones. */
    newKeysLast: boolean;
  };
  /** Lists a watched bucket, and begins a load where there is something to do. */
  list: (request: LoadRequest, watch: WatchCall, signal: AbortSignal) => Promise<WatchedListing>;
}

/** A call that brought credentials, which is in the memory of its process only. */
export interface CallWithCredentials {
  request: LoadRequest;
  recorded: CallRecord['params'];
}

/** What this process knows of a watch besides the database. */
export interface OwnWatch {
  /** Its call, where that brought credentials. */
  own: CallWithCredentials | undefined;
  cursor: KeyCursor;
  missing: MissingObjects;
  /** Aborted when this replica is no longer to list. */
  signal: AbortSignal;
}

/** How a listing ended. */
export interface WatchOutcome {
  /** Why it failed. */
  failure: string | undefined;
  /** What is to be known of one that did not. */
  note?: string;
  /** Whether files that are being written were left to the next one. */
  hasLeft: boolean;
}

/**
 * One listing of a watched bucket. Never throws.
 * @returns undefined where it was given up
 */
export async function watchRound(
  { bucket, watch, params, caller }: StoredWatch,
  { own, cursor, missing, signal }: OwnWatch,
  { log, readCall, list }: WatchRoundOptions,
): Promise<WatchOutcome | undefined> {
  try {
    const stored = readCall(params);
    const { request, recorded } = own ?? stored;
    const record = { caller, params: recorded };
    const call = { id: watch, record, cursor: stored.newKeysLast ? cursor : undefined, missing };
    const { called, late, hasLeft } = await list(request, call, signal);
    if (called) log.info({ bucket }, 'a watched bucket has something to load');
    return { failure: undefined, hasLeft, ...(late > 0 ? { note: lateText(late) } : {}) };
  } catch (error) {
    if (signal.aborted) return undefined;
    // Whatever kept it from being listed, such as a bucket that was made anew, may have brought keys before the last one.
    cursor.expire();
    log.warn({ bucket, err: error }, 'a watched bucket could not be listed');
    // Of an unexpected error the log has the rest.
    return { failure: toClientError(error)?.message ?? toFailure(error).message, hasLeft: false };
  }
}

function lateText(late: number): string {
  return (
    `The last whole listing found ${late === 1 ? '1 new object' : `${late} new objects`} with keys before those of earlier listings; ` +
    'loaded now, but late: new-keys-last? is not right for this bucket.'
  );
}
