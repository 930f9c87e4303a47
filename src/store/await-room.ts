import { lacksConnection, toFailure } from '../errors/failure.ts';
import { retry } from '../errors/retry-policy.ts';

const PAUSES = { firstMs: 50, mostMs: 1_000 };

/**
 * Longest wait for room, in ms: a load gives up a slot when it is refused a connection, and the slot's own closes after 5 s
 * without use.
 */
const WAIT_MS = 10_000;

/**
 * Asks the database for something, again while Postgres has no room for another connection: a load's files may have taken
 * all that there are, and give some back.
 * @param ask changes nothing, or the same each time
 * @throws what `ask` threw last
 */
export async function awaitRoom<T>(ask: () => Promise<T>, waitMs = WAIT_MS): Promise<T> {
  return await retry(ask, {
    attempts: Number.POSITIVE_INFINITY,
    pauses: PAUSES,
    signal: AbortSignal.timeout(waitMs),
    isTransient: (error) => lacksConnection(toFailure(error)),
  });
}
