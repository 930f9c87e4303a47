import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { flushCommits } from '../../src/store/flush-commits.ts';
import { createTestDatabase } from '../support/test-database.ts';

test('what was committed lazily is on disk afterwards', async (t) => {
  const { connection } = await createTestDatabase(t);
  const pool = new pg.Pool(connection);
  // The database is dropped, its sessions ended, before the pool is closed.
  pool.on('error', () => {});
  t.after(() => pool.end());
  const onDisk = async (position: string) =>
    (await pool.query<{ flushed: boolean }>('select pg_current_wal_flush_lsn() >= $1 as flushed', [position])).rows[0]
      ?.flushed;
  await pool.query('create table lazy (n int)');
  // The WAL writer may be quicker now and then, but not time and again.
  let leftToUs = 0;
  for (let n = 0; n < 20; n++) {
    await pool.query('begin; set local synchronous_commit = off; insert into lazy values (1); commit');
    const { rows } = await pool.query<{ position: string }>('select pg_current_wal_insert_lsn() as position');
    const position = rows[0]?.position ?? '';
    if (!(await onDisk(position))) leftToUs++;
    await flushCommits(pool);
    assert.equal(await onDisk(position), true);
  }
  assert.ok(leftToUs > 0);
});
