import { lacksConnection } from '../errors/failure.ts';
import { afterRefusal } from './connection-limit.ts';
import { restoreDue, restoreFailed } from './index-reactions.ts';
import type { LoadEffect, RetriedEffect } from './load-effect.ts';
import type { LoadEvent } from './load-event.ts';
import { type LoadState, mayBegin, type Step, step } from './load-model.ts';
import { drain, end } from './load-rules.ts';
import { connectionsUsed, hasFreeSlot, withoutFlight } from './load-slots.ts';
import { endPreparing } from './load-tables.ts';
import { pauseAfter, prolonged } from './outage.ts';

type Of<Kind extends LoadEvent['kind']> = Extract<LoadEvent, { kind: Kind }>;

/** Effects without which the load cannot end; what is not restored early is restored at its end. */
type ForcedEffect = Exclude<RetriedEffect, { kind: 'restore-table' }>;

/** The next attempt at a failed effect, unless it is obsolete. */
export function effectDue(state: LoadState, effect: RetriedEffect): Step {
  if (effect.kind === 'restore-table') return restoreDue(state, effect);
  if (effect.kind === 'finish') return step(state, { finish: { step: 'due', first: true } });
  if (isNeeded(state, effect)) return step(state, {}, [effect]);
  const { state: without, effects } = withoutEffect(state, effect);
  // What is still wanted of it comes of the next look.
  return step(without, { lookWanted: 'now' }, effects);
}

function isNeeded(state: LoadState, effect: ForcedEffect): boolean {
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

/** An effect that is retried has failed: after a pause, once more; where that is pointless, the load ends. @param now in ms, on one clock */
export function effectFailed(state: LoadState, { effect, failure, error }: Of<'effect-failed'>, now: number): Step {
  if (effect.kind === 'restore-table') return restoreFailed(state, effect, failure);
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
  return step(paused, change, [later, { kind: 'give-way' }]);
}

/** Removes an effect that is given up from the state. */
function withoutEffect(state: LoadState, effect: ForcedEffect): Step {
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
      return step(state, { slots: withoutFlight(state.slots, again) }, [{ kind: 'return-files', ids: [again] }]);
    }
    case 'fail-file':
      return step(state, { slots: withoutFlight(state.slots, effect.id) }, [
        { kind: 'return-files', ids: [effect.id] },
      ]);
    case 'fail-files':
      return step(state, {});
    case 'finish':
      return end(state);
  }
}
