import { lacksConnection } from '../errors/failure.ts';
import { distinctPrefixes } from '../source/distinct-prefixes.ts';
import { tableName } from '../store/resource-tables.ts';
import { afterCount, afterRefusal } from './connection-limit.ts';
import { claimed, claimedAgain, fileDue, fileEnded } from './file-reactions.ts';
import type { LoadEffect } from './load-effect.ts';
import type { LoadEvent, RetriedEffect } from './load-event.ts';
import { acceptsCalls, type LoadState, mayBegin, type Step, step } from './load-model.ts';
import { drain, end, follow } from './load-rules.ts';
import { connectionsUsed, hasFreeSlot, isIdle, isStarved, withoutFlight } from './load-slots.ts';
import { endPreparing, invalidate, invalidatePrimaryKeyMissing, want } from './load-tables.ts';
import { pauseAfter, prolonged } from './outage.ts';

/** How long the files of other tables wait for one that takes its time, in ms: building an index can take hours. */
const TABLES_TOGETHER_MS = 1_000;

/**
 * What an event makes of a load, and what is to be done because of it. Pure: the whole life of a load is here and in
 * the modules that this one imports, and `Load` carries it out.
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
    case 'files-failed':
      return step(state, { lookWanted: 'now' });
    case 'claimed':
      return event.again === undefined
        ? claimed(state, event.claimed)
        : claimedAgain(state, event.again, event.claimed);
    case 'file-ended':
      return fileEnded(state, event.id, event.outcome, now);
    case 'file-due':
      return fileDue(state, event.id);
    case 'file-failed':
      return step(state, { slots: withoutFlight(state.slots, event.id) });
    case 'connections-counted': {
      const limit = afterCount(state.slots.limit, event.free, connectionsUsed(state.slots));
      return step(state, { slots: { ...state.slots, limit } });
    }
    case 'noticed':
      return noticed(state, event);
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
    // Recording the call has taken back what was told.
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

function looked(state: LoadState, { generation, files }: Of<'looked'>): Step {
  const change = { looking: false, statementOutage: undefined };
  if (state.phase !== 'loading') return step(state, change);
  if (generation !== state.generation || state.session !== 'joined') {
    return step(state, { ...change, lookWanted: 'now' });
  }
  const byType = Map.groupBy(files, ({ type }) => type);
  const { tables, fresh } = want(state.tables, [...byType.keys()]);
  const listed = { byType, awaited: fresh, look: state.looks, late: false };
  return step(state, { ...change, tables, listed, sawFiles: state.sawFiles || files.length > 0 }, [
    { kind: 'later', ms: TABLES_TOGETHER_MS, event: { kind: 'tables-late', look: state.looks } },
  ]);
}

function noticed(state: LoadState, { notice }: Of<'noticed'>): Step {
  if (notice.topic === 'indexes') {
    // Whatever was waited for may be there now; a table that nobody waits for is of no interest.
    const isAwaited = state.waits.length > 0 && [...state.tables.types].some((type) => tableName(type) === notice.name);
    return step(state, isAwaited ? { lookWanted: 'now' } : {});
  }
  if (notice.name !== state.request.bucket) return step(state, {});
  if (notice.topic === 'cancelled') return step(state, {}, [{ kind: 'check-cancel', call: state.request.call }]);
  const lookWanted = state.lookWanted === 'no' ? 'when-starved' : state.lookWanted;
  return step(state, { lookWanted, finish: nextFinish(state) });
}

function ticked(state: LoadState): Step {
  const { slots, request } = state;
  const isLimited = slots.limit.most < request.threadNum;
  const isToLook = state.phase === 'loading' && (isStarved(slots, request) || state.waits.length > 0);
  const change = {
    lookWanted: isToLook ? ('now' as const) : state.lookWanted,
    finish: nextFinish(state),
    // Not known any more: told anew, whatever it is.
    told: state.told ?? '?',
  };
  return step(state, change, [
    { kind: 'check-cancel', call: request.call },
    ...(isLimited && state.phase === 'loading' ? [{ kind: 'count-connections' } as const] : []),
  ]);
}

function nextFinish({ finish }: LoadState): LoadState['finish'] {
  return finish.step === 'waiting' ? { ...finish, step: 'due' } : finish;
}

const ABORT_CANCELLED: LoadEffect = { kind: 'abort', reason: 'the load was cancelled' };
const ABORT_SHUTDOWN: LoadEffect = { kind: 'abort', reason: 'the server is shutting down' };

/** Files in flight roll back at once. Indexes are still restored. */
function cancelled(state: LoadState): Step {
  if (state.phase === 'finishing') return step(state, {});
  if (state.phase === 'draining') return step(state, {}, [ABORT_CANCELLED]);
  return drain(state, 'cancelled', [ABORT_CANCELLED]);
}

/** Files in flight have until `graceMs` are over. Indexes stay dropped: restoring can take hours; the next call does. */
function shutDown(state: LoadState, graceMs: number): Step {
  const grace: LoadEffect = { kind: 'later', ms: graceMs, event: { kind: 'grace-over' } };
  if (state.phase === 'finishing') return step(state, { reason: 'shutdown' }, [grace]);
  const hasNothingToLose = state.phase === 'joining' || isIdle(state.slots);
  return drain(state, 'shutdown', [grace, ...(hasNothingToLose ? [ABORT_SHUTDOWN] : [])]);
}

function graceOver(state: LoadState): Step {
  return step(state, {}, [ABORT_SHUTDOWN, { kind: 'abort-finish' }]);
}

/** The next attempt at an effect that has failed, unless nobody needs it any more. */
function effectDue(state: LoadState, effect: RetriedEffect): Step {
  if (effect.kind === 'finish') return step(state, { finish: { step: 'due', first: true } });
  if (isNeeded(state, effect)) return step(state, {}, [effect]);
  const { state: without, effects } = withoutEffect(state, effect);
  // What is still wanted of it comes of the next look.
  return step(without, { lookWanted: 'now' }, effects);
}

function isNeeded(state: LoadState, effect: RetriedEffect): boolean {
  const { phase, session, tables } = state;
  switch (effect.kind) {
    case 'join':
      return phase === 'joining';
    case 'rejoin':
      return phase === 'loading' || phase === 'finishing' || (phase === 'draining' && state.reason !== 'shutdown');
    case 'prepare-table':
      return phase === 'loading' && session === 'joined' && effect.generation === tables.generation;
    case 'claim':
      return effect.again === undefined
        ? mayBegin(state) && hasFreeSlot(state.slots, state.request)
        : phase === 'loading';
    case 'look':
      return false;
    case 'fail-file':
    case 'fail-files':
    case 'finish':
      return phase === 'loading';
  }
}

function effectFailed(state: LoadState, { effect, failure, error }: Of<'effect-failed'>, now: number): Step {
  const outage = prolonged(state.statementOutage, failure, now);
  const isOver = state.reason === 'shutdown' || (state.phase === 'draining' && effect.kind !== 'rejoin');
  if (outage === undefined || isOver) {
    const { state: without, effects } = withoutEffect(state, effect);
    if (isOver) return step(without, {}, effects);
    const why: LoadEffect = { kind: 'tell-given-up', message: failure.message };
    const log: LoadEffect = { kind: 'log-error', error };
    return state.phase === 'finishing'
      ? end(without, { reason: 'failed' }, [why, log])
      : drain(without, state.reason ?? 'failed', [...effects, why, log]);
  }
  const paused: LoadState = effect.kind === 'finish' ? { ...state, finish: { step: 'pausing', first: true } } : state;
  const later: LoadEffect = { kind: 'later', ms: pauseAfter(outage), event: { kind: 'effect-due', effect } };
  if (!lacksConnection(failure)) return step(paused, { statementOutage: outage }, [later]);
  const limit = afterRefusal(state.slots.limit, connectionsUsed(state.slots) - 1);
  const change = { statementOutage: outage, slots: { ...state.slots, limit } };
  return step(paused, change, [later, { kind: 'close-idle-connections' }]);
}

/** An effect that is given up leaves nothing of it behind in the state. */
function withoutEffect(state: LoadState, effect: RetriedEffect): Step {
  switch (effect.kind) {
    case 'join':
    case 'rejoin':
      return step(state, { session: 'none' });
    case 'look':
      return step(state, { looking: false });
    case 'prepare-table':
      return step(state, { tables: endPreparing(state.tables, effect.type) });
    case 'claim': {
      const { again } = effect;
      if (again === undefined) return step(state, { slots: { ...state.slots, claiming: undefined } });
      return step(state, { slots: withoutFlight(state.slots, again) }, [{ kind: 'return-file', id: again }]);
    }
    case 'fail-file':
      return step(state, { slots: withoutFlight(state.slots, effect.id) }, [{ kind: 'return-file', id: effect.id }]);
    case 'fail-files':
      return step(state, {});
    case 'finish':
      return end(state);
  }
}
