import pg from 'pg';
import { StartError } from '../errors/start-error.ts';
import { connectClient, type DatabaseAddress } from './connection-options.ts';
import type { Queryable } from './query.ts';

/** Looks at the first client's backend: a pooler that rotates its connections changes it in one of them. */
const LOOKS = 4;

/** A pooler stands between that gives each transaction, or each statement, not each client, a connection to Postgres. */
export class TransactionPoolingError extends StartError {
  override readonly name = 'TransactionPoolingError';

  constructor(mode: 'transaction' | 'statement') {
    super(
      `The database address leads to a connection pooler in ${mode} mode (PgBouncer: pool_mode = ${mode}). ` +
        'The loader needs sessions of its own, to which its locks, settings and COPYs belong. ' +
        'Set the address of Postgres itself, or of a pool with pool_mode = session.',
    );
  }
}

/**
 * Makes sure that a connection is one session of Postgres for as long as it lasts: no backend serves a second client
 * while the first is connected, and none changes under a client. Takes two connections.
 * @throws TransactionPoolingError; what Postgres answers
 */
export async function refuseTransactionPooling(address: DatabaseAddress): Promise<void> {
  const first = await connectClient(address);
  try {
    const backend = await backendOf(first);
    const second = await connectClient(address);
    try {
      // A transaction keeps its backend, so that the first client cannot be given it.
      await second.query('begin').catch((error: unknown) => {
        throw isOfStatementPooling(error) ? new TransactionPoolingError('statement') : error;
      });
      if ((await backendOf(second)) === backend) throw new TransactionPoolingError('transaction');
      for (let look = 0; look < LOOKS; look++) {
        if ((await backendOf(first)) !== backend) throw new TransactionPoolingError('transaction');
      }
    } finally {
      await second.end();
    }
  } finally {
    await first.end();
  }
}

/** PgBouncer refuses `begin` in this mode, in a message of its own. */
function isOfStatementPooling(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /statement pooling mode/.test(error.message);
}

async function backendOf(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ pid: number }>('select pg_backend_pid() as pid');
  if (rows[0] === undefined) throw new Error('pg_backend_pid returned no row');
  return rows[0].pid;
}
