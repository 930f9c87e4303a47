import type pg from 'pg';

/** Closes the pool's connections that nobody uses right now, so that others can connect; it makes new ones as needed. */
export async function closeIdleConnections(pool: pg.Pool): Promise<void> {
  // A pool hands out what is idle before it connects.
  const idle = Array.from({ length: pool.idleCount }, async () => (await pool.connect()).release(true));
  await Promise.allSettled(idle);
}
