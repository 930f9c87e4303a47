import type pg from 'pg';
import { BACKEND, BackendWatch } from './backend-watch.ts';
import { connectionOptions, type DatabaseAddress, sessionStatements, withinConnectTime } from './connection-options.ts';
import { WaitingPool } from './waiting-pool.ts';

/** Longest wait for a free connection, in ms: 2,000 calls at once are answered within it. Who connects has a limit of its own. */
const WAIT_MS = 30_000;

export interface PoolOptions {
  /** Most connections at once. */
  max: number;
  /** Called when an idle connection is lost; the pool replaces it by itself. */
  onIdleError: (error: Error) => void;
  /** How long an unused connection is kept, in ms. */
  idleTimeoutMs?: number;
  /** How large values are compressed where a column does not say; ignored by a server that does not know it. */
  toastCompression?: 'lz4';
  /** Memory for a session's temporary tables, where the server has Postgres's default; taken as they need it, kept until the session ends. */
  tempBuffers?: string;
  /** Longest wait for a free connection, in ms; 0: as long as it takes. Default 30 s. */
  waitMs?: number;
}

/** A pool whose sessions are prepared for long loads (see `sessionStatements`) and watched. The caller ends it. */
export function createPool(address: DatabaseAddress, options: PoolOptions): WaitingPool {
  const config = {
    ...connectionOptions(address),
    max: options.max,
    idleTimeoutMillis: options.idleTimeoutMs ?? 30_000,
    onConnect: async (client: pg.ClientBase) => {
      // A connection lost while checked out fails its query and also emits this; unheard it would end the process.
      client.on('error', () => {});
      const statements = sessionStatements(options);
      const backend = statements.add(BACKEND);
      await withinConnectTime(client, () => statements.send(client), address.connectTimeoutMs);
      watch.know(client, backend());
    },
  };
  const pool = new WaitingPool(config, options.waitMs ?? WAIT_MS);
  const watch = new BackendWatch(pool);
  watch.watchPool();
  pool.on('error', options.onIdleError);
  return pool;
}
