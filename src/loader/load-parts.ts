import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import type { DatabasePatience } from './database-patience.ts';
import type { LoadObserver } from './load-observer.ts';

/** What all that one load of this process does has in common. */
export interface LoadParts {
  pool: pg.Pool;
  log: Logger;
  observer: LoadObserver;
  patience: DatabasePatience;
  /** Aborted: the load is given up; files in hand roll back. */
  signal: AbortSignal;
}
