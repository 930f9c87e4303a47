import type { Failure } from '../errors/failure.ts';
import type { FileList } from '../store/loader-file/file-list.ts';
import type { QueuedFile } from '../store/loader-file/queue.ts';
import { tableName } from '../store/resource-tables.ts';
import { includesType } from './file-queue.ts';
import type { LoadEffect, RetriedEffect } from './load-effect.ts';
import { type LoadState, type Step, step } from './load-model.ts';
import { endRestoring, isHeldOff, startRestoring } from './load-tables.ts';
import { PAUSES } from './outage.ts';

type RestoreTable = Extract<RetriedEffect, { kind: 'restore-table' }>;

/**
 * The indexes of tables whose last file is in: of those that this load holds dropped, whose types have no unfinished file
 * among these, which are all within the prefixes, on any replica. A file in flight here may have lost its LoaderFile.
 */
export function restoreFinished(state: LoadState, files: FileList): Step {
  const held = [...state.tables.known.keys()].filter((type) => isHeldOff(state.tables, type));
  if (held.length === 0) return step(state, {});
  const unfinished = new Set([...files, ...flightsOf(state)].map(({ type }) => type));
  const finished = held.filter((type) => !unfinished.has(type));
  const tables = finished.reduce(startRestoring, state.tables);
  return step(
    state,
    { tables },
    finished.map((type): LoadEffect => ({ kind: 'restore-table', type })),
  );
}

/** Whether this process has nothing left to do for a table whose indexes it holds dropped: only a look shows whether others have. */
export function hasDoneItsPart({ tables, slots }: LoadState, type: string): boolean {
  if (!isHeldOff(tables, type) || slots.claiming?.offered.some((file) => file.type === type)) return false;
  return ![...slots.flights.values()].some(({ file }) => file.type === type) && !includesType(slots.queue, type);
}

/** Whether that is so for one of the types of a table. */
export function hasDoneItsPartOf(state: LoadState, table: string): boolean {
  return [...state.tables.known.keys()].some((type) => tableName(type) === table && hasDoneItsPart(state, type));
}

/** A table is restored, or left to another load that still needs its indexes dropped. */
export function restoreEnded(state: LoadState, type: string, refused: readonly string[]): Step {
  const tables = endRestoring(state.tables, type, { refused });
  // Files that came meanwhile wait for it.
  const isAwaited = state.waits.length > 0 || state.listed?.byType.has(type) === true;
  return step(state, { tables, lookWanted: isAwaited ? 'now' : state.lookWanted });
}

/** Tried again while files are loaded; from then on it is left to the end of the load. */
export function restoreFailed(state: LoadState, effect: RestoreTable, failure: Failure): Step {
  if (state.phase !== 'loading' || !failure.transient) return restoreGivenUp(state, effect);
  return step(state, {}, [{ kind: 'later', ms: PAUSES.mostMs, event: { kind: 'effect-due', effect } }]);
}

/** The next attempt. */
export function restoreDue(state: LoadState, effect: RestoreTable): Step {
  return state.phase === 'loading' ? step(state, {}, [effect]) : restoreGivenUp(state, effect);
}

function restoreGivenUp(state: LoadState, { type }: RestoreTable): Step {
  return step(state, { tables: endRestoring(state.tables, type), lookWanted: 'now' });
}

function flightsOf({ slots }: LoadState): QueuedFile[] {
  return [...slots.flights.values()].map(({ file }) => file);
}
