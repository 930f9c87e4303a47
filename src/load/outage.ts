import { type Failure, isDatabaseUnreachable } from '../errors/failure.ts';
import { type Pauses, pauseMs } from '../errors/retry-policy.ts';

/** A load waits this long for a database that is unreachable, read-only or out of disk space, in ms. */
export const OUTAGE_LIMIT_MS = 10 * 60_000;

/** Pauses between attempts at a database or a file that failed. */
export const PAUSES: Pauses = { firstMs: 250, mostMs: 15_000 };

/** A time in which attempts fail for a reason that may pass. Outages are limited by time, not by attempts. */
export interface Outage {
  readonly since: number;
  readonly attempts: number;
  /** The latest. */
  readonly failure: Failure;
}

/**
 * One more failure of an outage, or the first.
 * @param now in ms, on the clock of `since`
 * @returns undefined when another attempt is pointless: the failure does not pass, or the limit is over
 */
export function prolonged(outage: Outage | undefined, failure: Failure, now: number): Outage | undefined {
  const since = outage?.since ?? now;
  const mayPass = failure.transient || isDatabaseUnreachable(failure);
  if (!mayPass || now - since > OUTAGE_LIMIT_MS) return undefined;
  return { since, attempts: (outage?.attempts ?? 0) + 1, failure };
}

/** Pause before the next attempt, in ms, before jitter. */
export function pauseAfter({ attempts }: Outage): number {
  return pauseMs(attempts, PAUSES);
}

/** What the status says while the outage lasts. */
export function outageText({ failure }: Outage): string {
  const minutes = OUTAGE_LIMIT_MS / 60_000;
  return `Postgres cannot take rows now; retrying for up to ${minutes} minutes: ${failure.message}`;
}
