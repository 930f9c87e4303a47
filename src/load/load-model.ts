import type { FileList } from '../store/loader-file/file-list.ts';
import type { LoadEffect } from './load-effect.ts';
import type { NumberedRequest } from './load-request.ts';
import { type LoadSlots, NO_SLOTS } from './load-slots.ts';
import { type LoadTables, NO_TABLES } from './load-tables.ts';
import type { Outage } from './outage.ts';
import type { ResolvingState } from './resolving-state.ts';

/**
 * A load is always in one of these phases, in this order; it may skip some.
 *
 * - `joining`: its session connects and waits for a process that is finishing the bucket. Later calls are merged.
 * - `loading`: files are listed, tables prepared, files claimed and loaded. Later calls are merged.
 * - `draining`: no file is begun; those in flight end or roll back. A later call begins another load from here on.
 * - `finishing`: the last process out restores the indexes; the others stay until that is done.
 * - `ended`: nothing runs and no lock is held.
 */
export type LoadPhase = 'joining' | 'loading' | 'draining' | 'finishing' | 'ended';

/** Why a load ends. `failed`: the database stayed unreachable, or an unexpected error occurred. */
export type EndReason = 'finished' | 'cancelled' | 'shutdown' | 'failed';

export interface LoadState {
  readonly phase: LoadPhase;
  /** Set from `draining` on. */
  readonly reason: EndReason | undefined;
  /** `lost`: reconnecting. `none`: given up, or not to be reconnected. */
  readonly session: 'joining' | 'joined' | 'lost' | 'none';
  /** The latest call; its account and settings count for the files not yet begun. */
  readonly request: NumberedRequest;
  /** Of all calls together; none means all. */
  readonly prefixes: readonly string[];
  /** Counts the calls: files are begun only in the order, and with the settings, of the latest. */
  readonly generation: number;
  readonly queueGeneration: number;
  /** Whether the queue is to be listed again: at once, when a slot has nothing to do, or not. */
  readonly lookWanted: 'now' | 'when-starved' | 'no';
  readonly looking: boolean;
  /** Counts the looks. */
  readonly looks: number;
  /** The files that were listed, while their tables are prepared. */
  readonly listed: ListedFiles | undefined;
  readonly resolving: ResolvingState;
  readonly tables: LoadTables;
  /** What files wait for besides slots, each completing "Waits until". */
  readonly waits: readonly string[];
  readonly slots: LoadSlots;
  /** Of statements, and of attempts at files: the claims of one may succeed while the COPYs of the other fail. */
  readonly statementOutage: Outage | undefined;
  readonly fileOutage: Outage | undefined;
  /** What the status says; undefined when that is not known. */
  readonly told: string | undefined;
  readonly sawFiles: boolean;
  readonly finish: { readonly step: 'due' | 'running' | 'pausing' | 'waiting'; readonly first: boolean };
  /** The bucket's resource types, where this process was the last one out. */
  readonly finishedTypes: readonly string[];
}

export interface ListedFiles {
  readonly byType: ReadonlyMap<string, FileList>;
  /** Files that list deleted resources, where these are to be deleted: begun when no other file is left, on any replica. */
  readonly deletions: FileList;
  /** Types whose tables were not known at that look. */
  readonly awaited: readonly string[];
  /** Number of the look. */
  readonly look: number;
  /** Whether the tables have had their time. */
  readonly late: boolean;
}

/** The initial state of a load. */
export function initialState(request: NumberedRequest): LoadState {
  return {
    phase: 'joining',
    reason: undefined,
    session: 'joining',
    request,
    prefixes: request.prefixes,
    generation: 0,
    queueGeneration: -1,
    lookWanted: 'now',
    looking: false,
    looks: 0,
    listed: undefined,
    resolving: { doneFiles: {}, unfinishedTypes: [], stage: 0, isStrict: false },
    tables: NO_TABLES,
    waits: [],
    slots: NO_SLOTS,
    statementOutage: undefined,
    fileOutage: undefined,
    told: '',
    sawFiles: false,
    finish: { step: 'due', first: true },
    finishedTypes: [],
  };
}

/** Whether a later call can still be merged in. */
export function acceptsCalls({ phase }: LoadState): boolean {
  return phase === 'joining' || phase === 'loading';
}

/** Whether files may be begun in the order, and with the settings, of the latest call. */
export function mayBegin({ phase, session, generation, queueGeneration }: LoadState): boolean {
  return phase === 'loading' && session === 'joined' && generation === queueGeneration;
}

/** A state and what is to be done because of it, in this order. */
export interface Step {
  readonly state: LoadState;
  readonly effects: readonly LoadEffect[];
}

/** The state changed in these fields, and the effects. */
export function step(state: LoadState, change: Partial<LoadState>, effects: readonly LoadEffect[] = []): Step {
  return { state: { ...state, ...change }, effects };
}
