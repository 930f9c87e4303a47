import type { RunEnd } from '../store/load-run/end-run.ts';
import type { EndReason } from './load-model.ts';

/**
 * What the record of a run says of an end for this reason.
 * @param givenUp why a load was given up
 */
export function runEndOf(reason: EndReason | undefined, givenUp: string | undefined): RunEnd {
  switch (reason) {
    case 'finished':
      return { outcome: 'completed' };
    case 'cancelled':
      return { outcome: 'cancelled' };
    case 'shutdown':
      return { outcome: 'interrupted', reason: 'The server was shut down.' };
    default:
      return { outcome: 'given-up', reason: givenUp };
  }
}
