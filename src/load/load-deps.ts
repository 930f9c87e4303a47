import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import type { LoadObserver } from './load-observer.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** What all that one load of this process does has in common. */
export interface LoadDeps {
  pool: pg.Pool;
  /** Connections of their own for what may take hours, so that it leaves `pool` to what must be quick. */
  buildPool: pg.Pool;
  log: Logger;
  observer: LoadObserver;
  retryPolicy: RetryPolicy;
  /** Aborted: the load is given up; files in hand roll back. */
  signal: AbortSignal;
}
