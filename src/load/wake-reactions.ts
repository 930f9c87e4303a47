import type { LoadNotice } from '../store/bucket-load/load-notice.ts';
import { tableName } from '../store/resource-tables.ts';
import { hasDoneItsPartOf } from './index-reactions.ts';
import { type LoadState, type Step, step } from './load-model.ts';
import { isStarved } from './load-slots.ts';

/** Another process has announced a change in the database. */
export function noticed(state: LoadState, notice: LoadNotice): Step {
  if (notice.topic === 'indexes') {
    // What files waited for may be there now; tables that no file waits for do not matter.
    const isAwaited = state.waits.length > 0 && [...state.tables.types].some((type) => tableName(type) === notice.name);
    // Or another load has left it to this one to restore them.
    const isToLook = isAwaited || (state.phase === 'loading' && hasDoneItsPartOf(state, notice.name));
    return step(state, isToLook ? { lookWanted: 'now' } : {});
  }
  if (notice.name !== state.request.bucket) return step(state, {});
  if (notice.topic === 'cancelled') return step(state, {}, [{ kind: 'check-cancel', call: state.request.call }]);
  const lookWanted = state.lookWanted === 'no' ? 'when-starved' : state.lookWanted;
  return step(state, { lookWanted, finish: nextFinish(state) });
}

/** The slow poll. */
export function ticked(state: LoadState): Step {
  const { slots, request } = state;
  const isLimited = slots.limit.most < request.threadNum;
  const isToLook = state.phase === 'loading' && (isStarved(slots, request) || state.waits.length > 0);
  const change = {
    lookWanted: isToLook ? ('now' as const) : state.lookWanted,
    finish: nextFinish(state),
    // The message in the database is unknown now: it is written again, whatever it is.
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
