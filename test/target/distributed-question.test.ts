import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PostgresProxy } from '../support/postgres-proxy/postgres-proxy.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { startTestServer } from '../support/test-server.ts';

const bundle = (url: string) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [{ request: { method: 'DELETE', url } }],
});

test('whether the database is a Citus is asked once, however many files are upserted or list deletes', async (t) => {
  const database = await createTestDatabase(t);
  const proxy = await PostgresProxy.start(t, database.connection);
  const server = await startTestServer(t, { database: { ...database, url: proxy.url }, env: { LOADER_THREADS: '1' } });
  let questions = 0;
  proxy.stopAt({
    holds: 'request',
    matches: (_, statement) => {
      if (statement.startsWith('select from pg_extension')) questions++;
      return false;
    },
  });
  const files = (from: number) =>
    Object.fromEntries(
      Array.from({ length: 10 }, (_, n) => [
        [`Flag-${from + n}.ndjson`, [{ id: `f-${from + n}` }]],
        [`deleted/Flag-${from + n}.ndjson`, [bundle(`Flag/f-${from + n}`)]],
      ]).flat(),
    );
  const load = async (from: number) => {
    const bucket = await server.bucketOf(files(from));
    const { progress } = await server.load(bucket, { 'upsert?': true, 'apply-deletions?': true });
    assert.deepEqual(progress, { total: 20, done: 20 });
  };
  await load(0);
  const before = questions;
  await load(100);
  // The table's preparation and the end of the load ask for themselves, once a load.
  assert.ok(questions - before <= 2, `${questions - before} questions for 20 files`);
});
