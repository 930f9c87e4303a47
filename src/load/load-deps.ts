import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import type { LoadObserver } from './load-observer.ts';
import type { DatabasePatience } from './retry-policy.ts';

/** What all that one load of this process does has in common. */
export interface LoadParts {
  pool: pg.Pool;
  log: Logger;
  observer: LoadObserver;
  patience: DatabasePatience;
  /** Aborted: the load is given up; files in hand roll back. */
  signal: AbortSignal;
}
