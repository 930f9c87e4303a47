import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { commitLazily } from '../../src/store/commit-lazily.ts';
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
  await commitLazily(client);
  assert.equal(await setting(), 'off');
  await client.query('commit');
  assert.equal(await setting(), 'on');

  // The extension itself is not at hand; its row in the catalogue is what the loader goes by.
  await client.query('begin');
  await client.query(
    `insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
     select 999999, 'citus', extowner, extnamespace, extrelocatable, '0' from pg_extension limit 1`,
  );
  await commitLazily(client);
  assert.equal(await setting(), 'on');
  await client.query('rollback');
});
