import { setTimeout as delay } from 'node:timers/promises';

const FIRST_MS = 250;
const MOST_MS = 15_000;

/**
 * Waits before attempt `attempt + 1`: exponential, jittered, at most 15 s.
 * @returns early, without an error, when the signal aborts
 */
export async function backOff(attempt: number, signal: AbortSignal): Promise<void> {
  const ceiling = Math.min(MOST_MS, FIRST_MS * 2 ** (attempt - 1));
  await pause(ceiling * (0.5 + Math.random() / 2), signal);
}

/** Waits `ms`, or until the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
