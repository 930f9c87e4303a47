import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ConnectionShare } from '../../src/store/connection-share.ts';
import { createPool } from '../../src/store/create-pool.ts';
import { lastFirst } from '../support/last-first.ts';
import { createMigratedDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

const closing = lastFirst({ after });
const { connection } = await createMigratedDatabase(closing);
const pool = createPool(connection, { max: 6, onIdleError: () => {} });
closing.after(() => pool.end());

/** How many connections six statements at the same time use. */
const used = async () => {
  const pids = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid, pg_sleep(0.05)');
      return rows[0]?.pid;
    }),
  );
  return new Set(pids).size;
};

test('a pool that gives way closes what it does not use, and gets by with two connections', async () => {
  const share = new ConnectionShare(pool);
  assert.equal(await used(), 6);
  const busy = await pool.connect();
  await share.giveWay();
  assert.deepEqual([pool.totalCount, pool.idleCount], [1, 0]);
  busy.release();
  assert.ok((await used()) <= 2);
  assert.ok(pool.totalCount <= 2);
});

test('after a while it has as many as before', async () => {
  pool.options.max = 6;
  await new ConnectionShare(pool, 1).giveWay();
  await waitFor(async () => (await used()) === 6, { what: 'as many connections as before' });
});
