import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { cancellable } from '../../src/store/cancellable.ts';
import { connectClient } from '../../src/store/connection-options.ts';
import type { Closing } from '../support/last-first.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

const { connection } = await createTestDatabase({ after });
const session = await connectClient(connection);
const holder = await connectClient(connection);
after(async () => {
  await session.end();
  await holder.end();
});
await holder.query('create table held ()');
await holder.query('begin; lock table held');

/** A statement that only a cancel ends, or the end of the lock. */
const stuck = () => session.query('lock table held');

function poolFor(t: Closing): pg.Pool {
  const pool = new pg.Pool(connection);
  pool.on('error', () => {});
  t.after(async () => {
    if (!pool.ended) await pool.end();
  });
  return pool;
}

describe('work that can be cancelled', { timeout: 600_000 }, () => {
  test('is cancelled where there are two functions of that name, as on Citus', async (t) => {
    const pool = poolFor(t);
    await pool.query(
      `create function pg_cancel_backend(global_pid bigint) returns bool language sql as 'select false'`,
    );
    const abort = new AbortController();
    await session.query('begin');
    const ended = cancellable(pool, session, { signal: abort.signal, graceMs: 0 }, stuck);
    abort.abort();
    await assert.rejects(ended, { code: '57014' });
    await session.query('rollback');
  });

  test('is cancelled also where Postgres is told between two of its statements', async (t) => {
    const pool = poolFor(t);
    const abort = new AbortController();
    const tried = t.mock.method(pool, 'query');
    const work = async () => {
      abort.abort();
      await waitFor(() => tried.mock.callCount() > 0, { what: 'an attempt to cancel' });
      await tried.mock.calls[0]?.result;
      await stuck();
    };
    await session.query('begin');
    await assert.rejects(cancellable(pool, session, { signal: abort.signal, graceMs: 0 }, work), { code: '57014' });
    await session.query('rollback');
  });

  test('reports what kept it from being cancelled, when it has ended', async (t) => {
    const pool = poolFor(t);
    await pool.end();
    const abort = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const tried = t.mock.method(pool, 'query');
    const ended = cancellable(pool, session, { signal: abort.signal, graceMs: 0 }, () => promise);
    abort.abort();
    const failed = assert.rejects(ended, /Cannot use a pool after calling end/);
    await waitFor(() => tried.mock.callCount() > 0, { what: 'an attempt to cancel' });
    resolve();
    await failed;
  });

  test('ends when its cancelling has: no later statement of the session meets that', async (t) => {
    const pool = poolFor(t);
    const abort = new AbortController();
    const tried = t.mock.method(pool, 'query');
    let isAnswered = false;
    const work = async () => {
      abort.abort();
      await waitFor(() => tried.mock.callCount() > 0, { what: 'an attempt to cancel' });
      void Promise.resolve(tried.mock.calls[0]?.result).then(() => {
        isAnswered = true;
      });
    };
    const hold = await pool.connect();
    pool.options.max = 1;
    const ended = cancellable(pool, session, { signal: abort.signal, graceMs: 0 }, work);
    await waitFor(() => tried.mock.callCount() > 0, { what: 'an attempt to cancel' });
    setImmediate(() => hold.release());
    await ended;
    assert.ok(isAnswered);
  });

  test('that ends by itself in time is not cancelled', async (t) => {
    const pool = poolFor(t);
    const abort = new AbortController();
    const work = async () => {
      abort.abort();
      return (await session.query<{ n: number }>('select 1 as n')).rows[0]?.n;
    };
    assert.equal(await cancellable(pool, session, { signal: abort.signal, graceMs: 60_000 }, work), 1);
  });
});
