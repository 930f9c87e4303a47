import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { backendPid } from './backend-watch.ts';
import type { Queryable } from './query.ts';

/** Pause between attempts at cancelling a session's work, in ms. */
const AGAIN_MS = 1_000;

/**
 * Runs a session's work, and has Postgres cancel its statement when `signal` aborts and the work has not ended by
 * itself within `graceMs`: a statement that waits for somebody's lock takes no notice of anything else. It is cancelled again
 * until the work ends: Postgres may be out of reach, and a session between two of its statements takes no notice, though the
 * next one may wait for ever. The cancelling is over when this resolves: it meets no later statement.
 * @param pool where the cancelling is done
 * @param options.pid of the session's backend, where that is known
 * @throws what `work` throws; where that succeeds, what kept its statement from being cancelled
 */
export async function cancellable<T>(
  pool: pg.Pool,
  session: Queryable,
  { signal, graceMs, pid }: { signal: AbortSignal; graceMs: number; pid?: number },
  work: () => Promise<T>,
): Promise<T> {
  const backend = pid ?? (await backendPid(session));
  const ended = new AbortController();
  const failures: unknown[] = [];
  let cancelling: Promise<void> = Promise.resolve();
  const cancel = () => {
    cancelling = untilCancelled(pool, backend, graceMs, ended.signal, failures);
  };
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  let result: T;
  try {
    result = await work();
  } finally {
    signal.removeEventListener('abort', cancel);
    ended.abort();
    await cancelling;
  }
  if (failures.length > 0) throw failures.at(-1);
  return result;
}

/** @param failures gets what kept each attempt since the last one that succeeded from it */
async function untilCancelled(
  pool: pg.Pool,
  pid: number,
  graceMs: number,
  ended: AbortSignal,
  failures: unknown[],
): Promise<void> {
  for (let pauseMs = graceMs; ; pauseMs = AGAIN_MS) {
    await delay(pauseMs, undefined, { signal: ended }).catch(() => {
      // The work has ended by itself.
    });
    if (ended.aborted) return;
    try {
      // Citus has a function of this name for its own numbers beside Postgres's.
      await pool.query('select pg_cancel_backend($1::int)', [pid]);
      failures.length = 0;
    } catch (error) {
      failures.push(error);
    }
  }
}
