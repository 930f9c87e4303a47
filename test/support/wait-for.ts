import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 20;

/**
 * Polls `condition` every 20 ms until it returns neither undefined nor false, and returns that.
 * Throws an error naming `what`, and what `seen` finds instead, when `timeoutMs` have passed, or whatever `condition` throws.
 * The default is for a machine that has many times its share of work: what takes 5 s by itself took 200 s beside a load of 44.
 */
export async function waitFor<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 300_000, what, seen }: { timeoutMs?: number; what: string; seen?: () => Promise<unknown> },
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (performance.now() >= deadline) {
      const instead = seen === undefined ? '' : `; there is ${JSON.stringify(await seen())}`;
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}${instead}`);
    }
    await sleep(pollMs);
  }
}
