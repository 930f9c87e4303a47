import type pg from 'pg';
import type { Queryable } from './query.ts';

/**
 * Runs a session's work, and has Postgres cancel its statement when `signal` aborts and the work has not ended by
 * itself within `graceMs`: a statement that waits for somebody's lock takes no notice of anything else.
 * @param pool where the cancelling is done
 */
export async function cancellable<T>(
  pool: pg.Pool,
  session: Queryable,
  { signal, graceMs }: { signal: AbortSignal; graceMs: number },
  work: () => Promise<T>,
): Promise<T> {
  const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid');
  let timer: NodeJS.Timeout | undefined;
  const cancel = () => void pool.query('select pg_cancel_backend($1)', [rows[0]?.pid]).catch(() => {});
  const cancelSoon = () => {
    timer = setTimeout(cancel, graceMs);
  };
  signal.addEventListener('abort', cancelSoon, { once: true });
  if (signal.aborted) cancelSoon();
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', cancelSoon);
    clearTimeout(timer);
  }
}
