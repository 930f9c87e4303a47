import { isDatabaseUnreachable, lacksConnection } from '../errors/failure.ts';
import { pauseMs } from '../errors/retry-policy.ts';
import { FileList } from '../store/loader-file/file-list.ts';
import type { ClaimedFile, QueuedFile } from '../store/loader-file/queue.ts';
import { writeModeOf } from '../target/write-mode.ts';
import type { FileOutcome } from '../worker/file-task.ts';
import { afterRefusal } from './connection-limit.ts';
import type { LoadEffect } from './load-effect.ts';
import { type LoadState, type Step, step } from './load-model.ts';
import { drain } from './load-rules.ts';
import {
  connectionsUsed,
  endClaim,
  type Flight,
  fileAfterFlights,
  type LoadSlots,
  partitionsFor,
  refilled,
  withFlight,
  withoutFlight,
} from './load-slots.ts';
import { invalidate } from './load-tables.ts';
import { PAUSES, pauseAfter, prolonged } from './outage.ts';

/** Attempts at a file whose failure may pass (a lock, a 503) before it becomes `error`. */
const FILE_ATTEMPTS = 5;

/**
 * Outages that may begin with a file before it is the file that has failed: it is what ends the sessions, as a row that makes
 * the system kill the backend does, if each is over as soon as another file is loaded.
 */
const FILE_OUTAGES = 5;

/** A claim ended: the file is loaded, unless the load is over by now. */
export function claimed(state: LoadState, file: ClaimedFile | undefined): Step {
  const offered = state.slots.claiming?.offered ?? [];
  const listed = offered.find(({ id }) => id === file?.id);
  const slots = endClaim(state.slots, new Set(file === undefined ? [] : [file.id]));
  const change = { slots, statementOutage: undefined };
  if (file === undefined || listed === undefined) return step(state, change);
  if (state.phase !== 'loading') return step(state, change, [{ kind: 'return-files', ids: [file.id] }]);
  const { request } = state;
  const isPlain = writeModeOf(request.write, listed).kind === 'insert';
  const connections = isPlain ? partitionsFor(slots, file.file.size ?? 0, request) : 1;
  const failures = slots.alone.get(file.id) ?? 0;
  const flight: Flight = { file: listed, request, connections, failures, outages: 0, step: 'loading' };
  // Where others take files of the queue, too, it is theirs as well as ours what comes later.
  const next = listed === offered[0] ? fileAfterFlights(slots, request) : undefined;
  return begin(state, { ...change, slots: withFlight(slots, flight) }, { file, flight, next });
}

/** A file that has failed is claimed again for its next attempt; gone if another process has it by now. */
export function claimedAgain(state: LoadState, id: string, file: ClaimedFile | undefined): Step {
  const flight = state.slots.flights.get(id);
  if (flight === undefined) return step(state, {});
  if (file === undefined || state.phase !== 'loading') {
    const back: readonly LoadEffect[] = file === undefined ? [] : [{ kind: 'return-files', ids: [id] }];
    return step(state, { slots: withoutFlight(state.slots, id), statementOutage: undefined }, back);
  }
  const again: Flight = { ...flight, step: 'loading' };
  const change = { slots: withFlight(state.slots, again), statementOutage: undefined };
  return begin(state, change, { file, flight: again, next: undefined });
}

function begin(
  state: LoadState,
  change: Partial<LoadState>,
  { file: claimed, flight, next }: { file: ClaimedFile; flight: Flight; next: QueuedFile | undefined },
): Step {
  const { request, connections: partitions } = flight;
  return step(state, change, [{ kind: 'load-file', claimed, request, partitions, resolving: state.resolving, next }]);
}

/** An attempt at a file ended. */
export function fileEnded(state: LoadState, id: string, outcome: FileOutcome, now: number): Step {
  const flight = state.slots.flights.get(id);
  if (flight === undefined) return step(state, {});
  if (outcome.kind === 'retry') return failedForNow(state, flight, outcome, now);
  const slots = withoutFlight(state.slots, id);
  if (outcome.kind === 'too-early') {
    // The order that this process has was wrong; the next look gives another one.
    const resolving = { ...state.resolving, isStrict: true };
    return step(state, { slots: refilled(slots, FileList.EMPTY), fileOutage: undefined, resolving, lookWanted: 'now' });
  }
  if (outcome.kind !== 'primary-key-dropped') return step(state, { slots, fileOutage: undefined });
  return step(state, { slots, fileOutage: undefined, tables: invalidate(state.tables), lookWanted: 'now' });
}

function failedForNow(
  state: LoadState,
  flight: Flight,
  { failure }: Extract<FileOutcome, { kind: 'retry' }>,
  now: number,
): Step {
  const { id } = flight.file;
  if (state.phase !== 'loading') {
    return step(state, { slots: withoutFlight(state.slots, id) }, [{ kind: 'return-files', ids: [id] }]);
  }
  if (lacksConnection(failure) && otherLoading(state.slots, id)) return refused(state, flight);
  if (isDatabaseUnreachable(failure) || lacksConnection(failure)) {
    const fileOutage = prolonged(state.fileOutage, failure, now);
    if (fileOutage === undefined) {
      return drain({ ...state, slots: withoutFlight(state.slots, id) }, 'failed', [
        { kind: 'return-files', ids: [id] },
        { kind: 'tell-given-up', message: failure.message },
      ]);
    }
    const outages = flight.outages + (state.fileOutage === undefined ? 1 : 0);
    if (outages > FILE_OUTAGES) return step(state, {}, [{ kind: 'fail-file', id, failure }]);
    const giveWay: readonly LoadEffect[] = lacksConnection(failure) ? [{ kind: 'give-way' }] : [];
    return step(state, { fileOutage, slots: pausing(state.slots, { ...flight, outages }) }, [
      { kind: 'later', ms: pauseAfter(fileOutage), event: { kind: 'file-due', id } },
      ...giveWay,
    ]);
  }
  const failures = flight.failures + 1;
  if (failures >= FILE_ATTEMPTS) return step(state, { fileOutage: undefined }, [{ kind: 'fail-file', id, failure }]);
  return step(state, { fileOutage: undefined, slots: pausing(state.slots, { ...flight, failures }) }, [
    { kind: 'later', ms: pauseMs(failures, PAUSES), event: { kind: 'file-due', id } },
  ]);
}

/** Fewer slots from now on; the file is found by a later look. */
function refused(state: LoadState, { file: { id } }: Flight): Step {
  const slots = withoutFlight(state.slots, id);
  const limit = afterRefusal(slots.limit, connectionsUsed(slots));
  return step(state, { slots: { ...slots, limit } }, [{ kind: 'give-way' }, { kind: 'return-files', ids: [id] }]);
}

function otherLoading({ flights }: LoadSlots, id: string): boolean {
  return [...flights].some(([other, flight]) => other !== id && flight.step === 'loading');
}

function pausing(slots: LoadSlots, flight: Flight): LoadSlots {
  return withFlight(slots, { ...flight, step: 'pausing' });
}

/** The pause of a file is over: it is claimed again. */
export function fileDue(state: LoadState, id: string): Step {
  const flight = state.slots.flights.get(id);
  if (flight?.step !== 'pausing') return step(state, {});
  const slots = withFlight(state.slots, { ...flight, step: 'claiming' });
  return step(state, { slots }, [{ kind: 'claim', ids: [id], most: 1, again: id }]);
}
