import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyBaseLogger as Logger } from 'fastify';
import type { EmbeddedPostgres } from './start-embedded-postgres.ts';

/** How often the postmaster is looked at, in ms. */
const LOOK_MS = 1_000;

/** The pause before another start after one that failed, in ms: doubled each time, up to the second figure. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Watches an embedded Postgres and starts it again when its postmaster has ended: killed, or given up because its disk
 * was full. A start that fails is repeated until one succeeds. Committed data survives, as after any crash.
 * @returns `stop` ends the watch; call it before Postgres is stopped on purpose. A start in progress is not waited for:
 * `EmbeddedPostgres.stop` does that
 */
export function keepRunning(
  postgres: Pick<EmbeddedPostgres, 'isRunning' | 'restart' | 'dataFolder'>,
  log: Logger,
): { stop(): void } {
  const closing = new AbortController();
  void watch(postgres, log, closing.signal);
  return { stop: () => closing.abort() };
}

async function watch(
  postgres: Pick<EmbeddedPostgres, 'isRunning' | 'restart' | 'dataFolder'>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = LOOK_MS;
  let failures = 0;
  for (;;) {
    // Unreferenced: the watch alone keeps no process alive.
    await delay(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    try {
      if (await postgres.isRunning()) continue;
      log.warn({ dataFolder: postgres.dataFolder }, 'the embedded Postgres has ended; starting it again');
      await postgres.restart({ mode: 'immediate' });
      log.info({ dataFolder: postgres.dataFolder }, 'the embedded Postgres runs again');
      pauseMs = LOOK_MS;
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++);
      const reason = error instanceof Error ? error.message : String(error);
      log.error({ reason, nextAttemptMs: pauseMs }, 'the embedded Postgres could not be started');
    }
  }
}
