import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { COMMIT_LAZILY, flushCommits, flushVisibleCommits } from '../../src/store/durability.ts';
import { ask } from '../../src/store/statement.ts';
import { createTestDatabase } from '../support/test-database.ts';

test('commits are lazy for one transaction, and not at all on Citus', async (t) => {
  const { connection } = await createTestDatabase(t);
  const client = new pg.Client(connection);
  // The database is dropped, its sessions ended, before this one is closed.
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.end());
  const setting = async () => (await client.query('show synchronous_commit')).rows[0]?.synchronous_commit;
  await client.query('set synchronous_commit = on');

  await client.query('begin');
  await ask(client, COMMIT_LAZILY);
  assert.equal(await setting(), 'off');
  await client.query('commit');
  assert.equal(await setting(), 'on');

  // The extension itself is not at hand; its row in the catalogue is what the loader goes by.
  await client.query('begin');
  await client.query(
    `insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
     select 999999, 'citus', extowner, extnamespace, extrelocatable, '0' from pg_extension limit 1`,
  );
  await ask(client, COMMIT_LAZILY);
  assert.equal(await setting(), 'on');
  await client.query('rollback');
});

const FLUSHES = {
  flushCommits,
  flushVisibleCommits: (pool: pg.Pool) => flushVisibleCommits(pool, { replicated: true }),
};
for (const [name, flush] of Object.entries(FLUSHES))
  test(`what was committed lazily is on disk after ${name}`, async (t) => {
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
      await flush(pool);
      assert.equal(await onDisk(position), true);
    }
    assert.ok(leftToUs > 0);
  });
