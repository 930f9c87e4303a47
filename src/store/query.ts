import type pg from 'pg';
import { commit } from './commit.ts';

/** What a statement runs on: a pool, or a connection when it belongs to a transaction. */
export type Queryable = Pick<pg.Pool | pg.ClientBase, 'query'>;

/**
 * Runs `work` in a transaction on a connection of the pool: commits when it resolves, rolls back when it throws.
 * A connection that cannot even roll back is thrown away.
 */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await commit(client);
    return result;
  } catch (error) {
    await client.query('rollback').catch((cause: Error) => {
      broken = cause;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Does something on a connection of the pool, which is closed, with its locks, when that fails. */
export async function onSession<T>(pool: pg.Pool, work: (session: pg.PoolClient) => Promise<T>): Promise<T> {
  const session = await pool.connect();
  try {
    const result = await work(session);
    session.release();
    return result;
  } catch (error) {
    session.release(true);
    throw error;
  }
}
