import { isDeletionFile } from '../fhir/deletion-files.ts';
import { distinctPrefixes } from '../source/distinct-prefixes.ts';
import { FileList } from '../store/loader-file/file-list.ts';
import { batchClaimed, batchEnded } from './batch-reactions.ts';
import { afterCount } from './connection-limit.ts';
import { effectDue, effectFailed } from './effect-reactions.ts';
import { cancelled, graceOver, shutDown } from './end-reactions.ts';
import { claimed, claimedAgain, fileDue, fileEnded } from './file-reactions.ts';
import { hasDoneItsPart, restoreEnded, restoreFinished } from './index-reactions.ts';
import type { LoadEvent } from './load-event.ts';
import { acceptsCalls, type LoadState, type Step, step } from './load-model.ts';
import { end, follow } from './load-rules.ts';
import { connectionsUsed, withoutFlight } from './load-slots.ts';
import { endPreparing, invalidate, invalidatePrimaryKeyMissing, want } from './load-tables.ts';
import { noticed, ticked } from './wake-reactions.ts';

/** How long the files of other tables wait for one that takes its time, in ms: building an index can take hours. */
const TABLES_TOGETHER_MS = 1_000;

/**
 * The state after an event, and the effects to carry out. Pure: the whole life of a load is here and in the modules
 * that this one imports; `Load` carries it out.
 * @param now in ms, on a clock that only goes forward
 */
export function next(state: LoadState, event: LoadEvent, now: number): Step {
  return state.phase === 'ended' ? step(state, {}) : follow(react(state, event, now));
}

function react(state: LoadState, event: LoadEvent, now: number): Step {
  switch (event.kind) {
    case 'called':
      return called(state, event);
    case 'joined':
      return joined(state, event);
    case 'session-lost':
      return sessionLost(state);
    case 'session-rejoined':
      return step(state, { session: 'joined', lookWanted: 'now', statementOutage: undefined });
    case 'looked':
      return looked(state, event);
    case 'table-prepared': {
      const tables = endPreparing(state.tables, event.type, event);
      // A look that waits for it takes it into account; any other comes too early.
      const lookWanted = state.listed === undefined ? 'now' : state.lookWanted;
      return step(state, { tables, lookWanted, statementOutage: undefined });
    }
    case 'tables-late':
      return state.listed?.look === event.look
        ? step(state, { listed: { ...state.listed, late: true } })
        : step(state, {});
    case 'restore-ended':
      return restoreEnded(state, event.type, event.refused);
    case 'files-failed':
      return step(state, { lookWanted: 'now' });
    case 'claimed':
      if (event.again !== undefined) return claimedAgain(state, event.again, event.claimed[0]);
      return event.claimed.length > 1 ? batchClaimed(state, event.claimed) : claimed(state, event.claimed[0]);
    case 'batch-ended':
      return lookWhereDone(batchEnded(state, event.ids, event.outcome, now), typesOf(state, event.ids));
    case 'file-ended':
      return lookWhereDone(fileEnded(state, event.id, event.outcome, now), typesOf(state, [event.id]));
    case 'file-due':
      return fileDue(state, event.id);
    case 'file-failed':
      return step(state, { slots: withoutFlight(state.slots, event.id) });
    case 'connections-counted': {
      const limit = afterCount(state.slots.limit, event.free, connectionsUsed(state.slots));
      return step(state, { slots: { ...state.slots, limit } });
    }
    case 'noticed':
      return noticed(state, event.notice);
    case 'tick':
      return ticked(state);
    case 'cancelled':
      return event.call < state.request.call ? step(state, {}) : cancelled(state);
    case 'shutdown':
      return shutDown(state, event.graceMs);
    case 'grace-over':
      return graceOver(state);
    case 'finish-ended':
      return event.isFinished
        ? end(state, { finishedTypes: event.types })
        : step(state, { finish: { step: 'waiting', first: false } });
    case 'effect-due':
      return effectDue(state, event.effect);
    case 'effect-failed':
      return effectFailed(state, event, now);
    case 'tell-failed':
      return step(state, { told: undefined });
  }
}

/** The types of files in flight. */
function typesOf({ slots }: LoadState, ids: readonly string[]): ReadonlySet<string> {
  return new Set(ids.flatMap((id) => slots.flights.get(id)?.file.type ?? []));
}

/** Looks whether a table's last file is in, which may be the one that has ended here. */
function lookWhereDone({ state, effects }: Step, types: ReadonlySet<string>): Step {
  const isToLook = state.phase === 'loading' && [...types].some((type) => hasDoneItsPart(state, type));
  return step(state, isToLook ? { lookWanted: 'now' } : {}, effects);
}

type Of<Kind extends LoadEvent['kind']> = Extract<LoadEvent, { kind: Kind }>;

function called(state: LoadState, { request }: Of<'called'>): Step {
  if (!acceptsCalls(state)) return step(state, {});
  const isWhole = state.prefixes.length === 0 || request.prefixes.length === 0;
  return step(state, {
    request,
    prefixes: isWhole ? [] : distinctPrefixes([...state.prefixes, ...request.prefixes]),
    generation: state.generation + 1,
    lookWanted: 'now',
    listed: undefined,
    tables: invalidatePrimaryKeyMissing(state.tables),
    // Recording the call has cleared the message.
    told: '',
  });
}

function joined(state: LoadState, { maxPartitions, freeConnections }: Of<'joined'>): Step {
  const limit = afterCount(state.slots.limit, freeConnections, 0);
  return step(state, {
    phase: state.phase === 'joining' ? 'loading' : state.phase,
    session: 'joined',
    slots: { ...state.slots, maxPartitions, limit },
    statementOutage: undefined,
  });
}

/** Its locks said what this load needs of the tables: others may drop or restore indexes from now on. */
function sessionLost(state: LoadState): Step {
  if (state.session !== 'joined') return step(state, {});
  const finish = { step: state.finish.step === 'waiting' ? 'due' : state.finish.step, first: true } as const;
  const tables = invalidate(state.tables);
  const change = { session: 'lost', tables, lookWanted: 'now', listed: undefined, finish } as const;
  return step(state, change, [{ kind: 'rejoin' }]);
}

function looked(state: LoadState, { generation, files, doneFiles = {} }: Of<'looked'>): Step {
  const resolving = { ...state.resolving, doneFiles };
  const change = { looking: false, statementOutage: undefined, resolving };
  if (state.phase !== 'loading') return step(state, change);
  if (generation !== state.generation || state.session !== 'joined') {
    return step(state, { ...change, lookWanted: 'now' });
  }
  const { applyDeletions } = state.request.write;
  const deletions = applyDeletions ? files.filter(isDeletionFile) : FileList.EMPTY;
  const others = deletions.length === 0 ? files : files.filter((file) => !isDeletionFile(file));
  const byType = others.byType();
  const { tables, fresh } = want(state.tables, byType);
  const listed = { byType, deletions, awaited: fresh, look: state.looks, late: false };
  const restoring = restoreFinished({ ...state, tables }, files);
  return step(restoring.state, { ...change, listed, sawFiles: state.sawFiles || files.length > 0 }, [
    ...restoring.effects,
    { kind: 'later', ms: TABLES_TOGETHER_MS, event: { kind: 'tables-late', look: state.looks } },
  ]);
}
