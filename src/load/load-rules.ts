import { waitingStageOf } from '../fhir/reference-order.ts';
import { FileList } from '../store/loader-file/file-list.ts';
import type { LoadEffect } from './load-effect.ts';
import { type LoadState, mayBegin, type Step, step } from './load-model.ts';
import { isIdle, isStarved, refilled, startClaim, startListing, withoutFlight } from './load-slots.ts';
import { isPending, sortFiles, startPreparing } from './load-tables.ts';
import { outageText } from './outage.ts';
import { schedule } from './schedule.ts';

/** Attempt from which the status mentions an outage: most are over at the second. */
const TOLD_FROM_ATTEMPT = 2;

/** A step that follows from the state alone, whatever led to it. @returns undefined when there is none */
type Rule = (state: LoadState) => Step | undefined;

/** Applies the rules until none returns a step. */
export function follow({ state, effects }: Step): Step {
  const done: LoadEffect[] = [...effects];
  let current = state;
  for (let found = true; found; ) {
    found = false;
    for (const rule of RULES) {
      const result = rule(current);
      if (result === undefined) continue;
      current = result.state;
      done.push(...result.effects);
      found = true;
    }
  }
  return { state: current, effects: done };
}

const lookWhereIdle: Rule = (state) => {
  const { phase, slots, listed, looking, lookWanted, request } = state;
  if (phase !== 'loading' || looking || listed !== undefined || lookWanted === 'now') return undefined;
  const isDone = slots.hasWorked && isIdle(slots) && isStarved(slots, request);
  const isWanted = lookWanted === 'when-starved' && isStarved(slots, request);
  return isDone || isWanted ? step(state, { lookWanted: 'now' }) : undefined;
};

const look: Rule = (state) => {
  const { phase, session, slots, looking, lookWanted, looks, generation, prefixes } = state;
  if (phase !== 'loading' || session !== 'joined' || looking || lookWanted !== 'now') return undefined;
  const change = { looking: true, lookWanted: 'no', looks: looks + 1, listed: undefined } as const;
  const { resolveReferences } = state.request.write;
  return step(state, { ...change, slots: startListing(slots) }, [
    { kind: 'look', generation, prefixes, resolveReferences },
  ]);
};

const prepareTables: Rule = (state) => {
  if (state.phase !== 'loading' || state.session !== 'joined') return undefined;
  const { tables, types } = startPreparing(state.tables);
  if (types.length === 0) return undefined;
  const { generation } = tables;
  const { request } = state;
  return step(
    state,
    { tables },
    types.map((type) => ({
      kind: 'prepare-table',
      type,
      generation,
      request,
      incoming: tables.incoming.get(type) ?? 0,
      keepsIndexes: tables.restored.has(type),
    })),
  );
};

/**
 * Puts the listed files in order, once their tables are ready or have had their time. Where references are resolved, only
 * those of the first stage that has unfinished files, on any replica: the others may refer to them.
 */
const refill: Rule = (state) => {
  const { phase, listed, generation, request } = state;
  if (phase !== 'loading' || listed === undefined) return undefined;
  const isAwaited = listed.awaited.some((type) => isPending(state.tables, type));
  if (isAwaited && !listed.late) return undefined;
  const { loadable, coming, unusable, waits, isAll, tables } = sortFiles(state.tables, listed.byType);
  const { resolveReferences } = request.write;
  // Deletions wait for all files that can be loaded: an export may have a resource and, later, its deletion.
  const deletions = coming.length === 0 ? listed.deletions : FileList.EMPTY;
  const waitingStage = (type: string) => waitingStageOf(type, state.resolving.isStrict);
  const stage = Math.min(...coming.map(waitingStage));
  const inStage = resolveReferences ? loadable.filter(({ type }) => waitingStage(type) === stage) : loadable;
  const effects: LoadEffect[] = unusable.map((files) => ({ kind: 'fail-files', ...files }));
  if ((resolveReferences || deletions.length > 0) && stage > state.resolving.stage)
    effects.push({ kind: 'notify-queued' });
  const slots = refilled(state.slots, schedule(FileList.concat([inStage, deletions]), request.scheduler));
  const resolving = { ...state.resolving, stage, unfinishedTypes: coming };
  const change = { listed: undefined, tables, waits, slots, resolving, queueGeneration: generation };
  const isLast = loadable.length === 0 && listed.deletions.length === 0;
  const isFinished = isLast && isAll && isIdle(slots) && state.lookWanted === 'no';
  return isFinished ? drain({ ...state, ...change }, 'finished') : step(state, change, effects);
};

const claim: Rule = (state) => {
  if (!mayBegin(state)) return undefined;
  const slots = startClaim(state.slots, state.request);
  if (slots?.claiming === undefined) return undefined;
  const { offered, isBatch } = slots.claiming;
  return step(state, { slots }, [
    { kind: 'claim', ids: offered.map(({ id }) => id), most: isBatch ? offered.length : 1 },
  ]);
};

/** Keeps the status up to date: what files wait for, while they wait. */
const tell: Rule = (state) => {
  if (state.phase !== 'loading' && state.phase !== 'finishing') return undefined;
  const text = waitsFor(state);
  if (text === state.told || state.told === undefined) return undefined;
  return step(state, { told: text }, [{ kind: 'tell', text: text === '' ? undefined : text }]);
};

const afterDraining: Rule = (state) => {
  const { phase, session, reason, slots, looking, tables } = state;
  const isBusy =
    !isIdle(slots) || looking || tables.preparing.size > 0 || tables.restoring.size > 0 || session === 'joining';
  if (phase !== 'draining' || isBusy) return undefined;
  const isToFinish = session !== 'none' && (reason === 'finished' || reason === 'cancelled');
  return isToFinish ? step(state, { phase: 'finishing' }) : end(state);
};

const finish: Rule = (state) => {
  const { phase, session, reason, finish: now } = state;
  if (phase !== 'finishing' || now.step === 'running') return undefined;
  // A process that shuts down does not wait for another finisher, and finishing needs a session.
  if (session === 'none' || reason === 'shutdown') return end(state);
  if (session !== 'joined' || now.step !== 'due') return undefined;
  const refused = [...state.tables.restored.values()].flat();
  return step(state, { finish: { step: 'running', first: false } }, [{ kind: 'finish', first: now.first, refused }]);
};

const RULES: readonly Rule[] = [lookWhereIdle, look, prepareTables, refill, claim, afterDraining, finish, tell];

/** What a load waits for besides the files in flight; empty when nothing. */
export function waitsFor({ waits, statementOutage, fileOutage }: LoadState): string {
  const outage = [fileOutage, statementOutage].find((current) => (current?.attempts ?? 0) >= TOLD_FROM_ATTEMPT);
  const forTables = waits.length === 0 ? [] : [`Waits until ${waits.join('; ')}.`];
  return [...forTables, ...(outage === undefined ? [] : [outageText(outage)])].join(' ');
}

/** Begins no further file; those that wait for another attempt return to the queue of all replicas. */
export function drain(state: LoadState, reason: LoadState['reason'], effects: readonly LoadEffect[] = []): Step {
  const pausing = [...state.slots.flights.values()].filter((flight) => flight.step === 'pausing');
  const slots = pausing.reduce((rest, { file }) => withoutFlight(rest, file.id), state.slots);
  const returns: LoadEffect[] =
    pausing.length === 0 ? [] : [{ kind: 'return-files', ids: pausing.map(({ file: { id } }) => id) }];
  const change = {
    phase: 'draining',
    reason,
    listed: undefined,
    waits: [],
    fileOutage: undefined,
    slots,
  } as const;
  return step(state, change, [...effects, ...returns]);
}

/** Ends the load. */
export function end(state: LoadState, change: Partial<LoadState> = {}, effects: readonly LoadEffect[] = []): Step {
  return step(state, { ...change, phase: 'ended', session: 'none' }, [...effects, { kind: 'end' }]);
}
