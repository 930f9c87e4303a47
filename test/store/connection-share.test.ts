import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ConnectionShare } from '../../src/store/connection-share.ts';
import { createPool } from '../../src/store/create-pool.ts';
import { lastFirst } from '../support/last-first.ts';
import { createMigratedDatabase, createTestDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';
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

describe('how many connections it leaves', () => {
  test('are those that Postgres has left, and two of its own; where hardly any is left, the others are closed', async () => {
    const parts = lastFirst({ after });
    const own = await asOwnRole(parts, await createTestDatabase(parts), 'connection limit 6');
    const mine = createPool(own.connection, { max: 5, onIdleError: () => {} });
    parts.after(() => mine.end());
    const share = new ConnectionShare(mine);
    const open = async (count: number) => {
      const clients = await Promise.all(Array.from({ length: count }, () => mine.connect()));
      for (const client of clients) client.release();
    };
    await open(2);
    assert.equal(await share.countFree(), 4 + 2);
    await open(4);
    assert.equal(await share.countFree(), 2 + 2);
    assert.equal(mine.totalCount, 4);
    await open(5);
    assert.equal(await share.countFree(), 5 + 1, 'one is left, for the count');
    assert.equal(mine.totalCount, 1);
  });
});
