import { type Failure, isDatabaseUnreachable, lacksConnection } from '../errors/failure.ts';
import type { ClaimedFile } from '../store/loader-file/queue.ts';
import type { BatchOutcome } from '../worker/batch-task.ts';
import type { FileOutcome } from '../worker/file-task.ts';
import { fileEnded } from './file-reactions.ts';
import { type LoadState, type Step, step } from './load-model.ts';
import { endClaim, type Flight, type LoadSlots, withFlights, withoutFlights } from './load-slots.ts';

/** Several small files are claimed: they are loaded as one batch, in one slot, unless the load is over by now. */
export function batchClaimed(state: LoadState, files: readonly ClaimedFile[]): Step {
  const ids = files.map(({ id }) => id);
  const offered = new Map(state.slots.claiming?.offered.map((file) => [file.id, file]));
  const slots = endClaim(state.slots, new Set(ids));
  const change = { slots, statementOutage: undefined };
  if (state.phase !== 'loading') return step(state, change, [{ kind: 'return-files', ids }]);
  const { request } = state;
  const flights = ids.flatMap((id, place): Flight[] => {
    const file = offered.get(id);
    const connections = place === 0 ? 1 : 0;
    return file === undefined ? [] : [{ file, request, connections, failures: 0, outages: 0, step: 'loading' }];
  });
  return step(state, { ...change, slots: withFlights(slots, flights) }, [
    { kind: 'load-batch', claimed: files, request },
  ]);
}

/** An attempt at a batch ended. */
export function batchEnded(state: LoadState, ids: readonly string[], outcome: BatchOutcome, now: number): Step {
  if (outcome.kind === 'retry') return batchFailed(state, ids, outcome, now);
  const files = ids.flatMap((id, place) => {
    const ended = outcome.files[place];
    return ended === undefined ? [] : [{ id, ended }];
  });
  const again = files.flatMap(({ id, ended }) => (ended.kind === 'retry' ? [{ id, failure: ended.failure }] : []));
  const others = files.filter(({ ended }) => ended.kind !== 'retry');
  // One file keeps the slot and has its pause, as a single file would; the rest wait in the queue.
  const [first, ...rest] = again;
  const moved = others.find(({ ended }) => ended.kind === 'primary-key-dropped' || ended.kind === 'too-early');
  const gone = [...others.filter((other) => other !== moved), ...rest].map(({ id }) => id);
  const alone = withAlone(
    state.slots,
    again.map(({ id, failure }) => [id, isOutage(failure) ? 0 : 1]),
  );
  const ended = step(
    state,
    { slots: withoutFlights(alone, gone), ...(others.length === 0 ? {} : { fileOutage: undefined }) },
    rest.length === 0 ? [] : [{ kind: 'return-files', ids: rest.map(({ id }) => id) }],
  );
  const afterMoved = moved === undefined ? ended : single(ended, moved.id, moved.ended, now);
  return first === undefined
    ? afterMoved
    : single(afterMoved, first.id, { kind: 'retry', failure: first.failure }, now);
}

/**
 * None of the batch's files is loaded, as far as is known. Which of them is to blame, if one is, shows when each is loaded by
 * itself: the first after a pause, as a single file is, the others when the queue comes to them.
 */
function batchFailed(
  state: LoadState,
  [first = '', ...others]: readonly string[],
  outcome: Extract<BatchOutcome, { kind: 'retry' }>,
  now: number,
): Step {
  const isRefused = lacksConnection(outcome.failure);
  const slots = isRefused
    ? state.slots
    : withAlone(
        state.slots,
        [first, ...others].map((id) => [id, 0]),
      );
  const returned = step(state, { slots: withoutFlights(slots, others) }, [{ kind: 'return-files', ids: others }]);
  return single(returned, first, outcome, now);
}

/** What a file's own end leads to; the batch's slot is its own from now on. */
function single({ state, effects }: Step, id: string, outcome: FileOutcome, now: number): Step {
  const flight = state.slots.flights.get(id);
  if (flight === undefined) return { state, effects };
  const slots = withFlights(state.slots, [{ ...flight, connections: 1 }]);
  const next = fileEnded({ ...state, slots }, id, outcome, now);
  return { state: next.state, effects: [...effects, ...next.effects] };
}

function withAlone(slots: LoadSlots, failed: readonly (readonly [id: string, failures: number])[]): LoadSlots {
  if (failed.length === 0) return slots;
  const alone = new Map(slots.alone);
  for (const [id, failures] of failed) alone.set(id, (alone.get(id) ?? 0) + failures);
  return { ...slots, alone };
}

/** Whether a failure says nothing of the file. */
function isOutage(failure: Failure): boolean {
  return isDatabaseUnreachable(failure) || lacksConnection(failure);
}
