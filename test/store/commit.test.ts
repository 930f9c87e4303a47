import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import pg from 'pg';
import { commit } from '../../src/store/commit.ts';
import { inTransaction } from '../../src/store/query.ts';
import { finishPrepared, prepareTransaction } from '../../src/target/partitioned/prepared-transaction.ts';
import { createTestDatabase } from '../support/test-database.ts';

const { connection } = await createTestDatabase({ after });
const pool = new pg.Pool({ ...connection, max: 1 });
pool.on('error', () => {});
after(() => pool.end());
await pool.query('create table kept (n int)');

/** Somebody swallows the error of a statement, and goes on. */
const failing = async (client: pg.ClientBase) => {
  await client.query('insert into kept values (1)');
  await client.query('select 1 / 0').catch(() => {});
};
const rows = async () => (await pool.query('select from kept')).rowCount;

test('a transaction that Postgres rolls back where it is told to commit has not committed, whoever tells', async () => {
  await assert.rejects(inTransaction(pool, failing), /answered COMMIT by ROLLBACK/);
  const client = await pool.connect();
  await client.query('begin');
  await failing(client);
  await assert.rejects(commit(client), /answered COMMIT by ROLLBACK/);
  await client.query('begin; insert into kept values (2)');
  await commit(client);
  client.release();
  assert.equal(await rows(), 1);
});

test('nor is one prepared that Postgres rolls back where it is told to: its COMMIT PREPARED would find nothing, as where somebody else has committed it', async () => {
  const client = await pool.connect();
  await client.query('begin');
  await failing(client);
  await assert.rejects(prepareTransaction(client, 'some name'), /answered PREPARE by ROLLBACK/);
  await finishPrepared(client, 'some name', 'commit');
  client.release();
  assert.equal(await rows(), 1);
});

test('nothing commits but by `commit`, which reads the answer', () => {
  const root = new URL('../..', import.meta.url).pathname;
  const commits = globSync('src/**/*.ts', { cwd: root }).filter((path) =>
    /(query\(|text:)\s*['"`](commit|end|prepare transaction)\b/i.test(readFileSync(`${root}/${path}`, 'utf8')),
  );
  assert.deepEqual(commits.sort(), ['src/store/commit.ts', 'src/target/partitioned/prepared-transaction.ts']);
});
