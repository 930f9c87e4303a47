import { setTimeout as delay } from 'node:timers/promises';

/** How long to pause between attempts: exponential, up to a ceiling. */
export interface Pauses {
  firstMs: number;
  mostMs: number;
  /** By how much each pause is longer than the one before; 2 by default. */
  factor?: number;
}

/** Pause after attempt `attempt` (from 1), in ms, before jitter. */
export function pauseMs(attempt: number, { firstMs, mostMs, factor = 2 }: Pauses): number {
  return Math.min(mostMs, firstMs * factor ** (attempt - 1));
}

/** Between half and the whole of `ms`, so that those who failed together do not come back together. */
export function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}

/** Waits `ms`. Returns early, without an error, when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}

export interface RetryOptions {
  /** Attempts in all. */
  attempts: number;
  pauses: Pauses;
  signal: AbortSignal;
  /** Whether another attempt can succeed where this error was thrown. */
  isTransient: (error: unknown) => boolean;
}

/**
 * Does `work` until it succeeds, with a pause after each failure that may pass.
 * @throws what the last attempt threw; aborting ends the pause and then throws what was thrown before it
 */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === options.attempts || !options.isTransient(error)) throw error;
      await pause(jittered(pauseMs(attempt, options.pauses)), options.signal);
      if (options.signal.aborted) throw error;
    }
  }
}
