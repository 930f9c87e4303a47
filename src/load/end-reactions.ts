import type { LoadEffect } from './load-effect.ts';
import { type LoadState, type Step, step } from './load-model.ts';
import { drain } from './load-rules.ts';
import { isIdle } from './load-slots.ts';

const ABORT_CANCELLED: LoadEffect = { kind: 'abort', reason: 'the load was cancelled' };
const ABORT_SHUTDOWN: LoadEffect = { kind: 'abort', reason: 'the server is shutting down' };

/** Files in flight roll back at once. Indexes are still restored. */
export function cancelled(state: LoadState): Step {
  if (state.phase === 'finishing') return step(state, {});
  if (state.phase === 'draining') return step(state, {}, [ABORT_CANCELLED]);
  return drain(state, 'cancelled', [ABORT_CANCELLED]);
}

/** Files in flight have until `graceMs` are over. Indexes stay dropped: restoring can take hours; the next call does. */
export function shutDown(state: LoadState, graceMs: number): Step {
  const grace: LoadEffect = { kind: 'later', ms: graceMs, event: { kind: 'grace-over' } };
  if (state.phase === 'finishing') return step(state, { reason: 'shutdown' }, [grace]);
  const hasNothingToLose = state.phase === 'joining' || isIdle(state.slots);
  return drain(state, 'shutdown', [grace, ...(hasNothingToLose ? [ABORT_SHUTDOWN] : [])]);
}

/** The time that files in flight get at a shutdown is over: what still runs is aborted. */
export function graceOver(state: LoadState): Step {
  return step(state, {}, [ABORT_SHUTDOWN, { kind: 'abort-finish' }]);
}
