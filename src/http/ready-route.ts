import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { awaitWithin } from '../errors/await-within.ts';
import { type Failure, lacksConnection, toFailure } from '../errors/failure.ts';
import { isMigrated } from '../store/migrate.ts';
import { WaitingPool } from '../store/waiting-pool.ts';

/** Longest wait for the database, in ms: less than the 3 s that a probe of Kubernetes should be given here. */
const TIMEOUT_MS = 2_000;

/**
 * GET /ready: calls can be served, since the database is reachable and migrated; 503 with a reason otherwise.
 * Needs no credentials: probes have none. A load in progress waits for its database by itself, ready or not.
 */
export function readyRoute(app: FastifyInstance, pool: pg.Pool): void {
  app.get('/ready', async (_request, reply) => {
    const wait = { limitMs: TIMEOUT_MS, late: () => new Error('the database does not answer') };
    const migrated = await awaitWithin(isMigrated(pool), wait).catch(toFailure);
    if (migrated === true) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reason: reasonOf(migrated, pool) });
  });
}

function reasonOf(failure: Failure | false, pool: pg.Pool): string {
  if (failure === false) return 'the database is not migrated';
  if (lacksConnection(failure)) return 'the database has no connection free';
  return pool instanceof WaitingPool && pool.isBusy
    ? 'the server is busy: its connections to the database are all in use'
    : 'the database cannot be reached';
}
