import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import type { DatabaseAddress } from '../store/connection-options.ts';
import type { ConnectionShare } from '../store/connection-share.ts';
import type { AttemptRecovery } from '../target/attempt-recovery.ts';
import type { WorkerPool } from '../worker/worker-pool.ts';
import type { LoadObserver } from './load-observer.ts';

/** What every load of a process works with. */
export interface LoadOptions {
  address: DatabaseAddress;
  pool: pg.Pool;
  /** What of the server's connections `pool` takes. */
  share: ConnectionShare;
  /** For index builds, which may take hours. */
  buildPool: pg.Pool;
  workers: WorkerPool;
  recovery: AttemptRecovery;
  /** On Citus: whether missing tables are created as distributed ones. */
  distributeTables: boolean;
  log: Logger;
  observer: LoadObserver;
  /** How often the load polls for changes without a notification, in ms; 5 s by default. */
  pollMs?: number | undefined;
}
