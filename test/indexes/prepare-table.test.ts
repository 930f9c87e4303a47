import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { lastFirst } from '../support/last-first.ts';
import { PostgresProxy } from '../support/postgres-proxy/postgres-proxy.ts';
import { createMigratedDatabase } from '../support/test-database.ts';
import { startTestServer } from '../support/test-server.ts';

const parts = lastFirst({ after });
const database = await createMigratedDatabase(parts);
const proxy = await PostgresProxy.start(parts, database.connection);
const server = await startTestServer(parts, { database: { ...database, url: proxy.url } });

/** Stops the look at a table's indexes, which the look at its columns has preceded. */
const stopAtIndexes = () =>
  proxy.stopAt({ matches: (_, statement) => statement.includes('x.indnkeyatts = 1'), holds: 'request' });

/** Loads one patient while another session drops the table so many times, each time under the look at it. */
async function loadWhileDropped(times: number) {
  const name = await server.bucketOf({ 'Patient.ndjson': [{ id: `after-${times}` }] });
  let stop = stopAtIndexes();
  assert.equal((await server.startLoad(name)).status, 200);
  for (let n = 1; n <= times; n++) {
    await stop.reached;
    await server.sql('drop table patient');
    const held = stop;
    if (n < times) stop = stopAtIndexes();
    held.release();
  }
  return { name, ended: await server.ended(name) };
}

describe('a table that is dropped between the look at its columns and the one at its indexes', () => {
  test('is made anew', async () => {
    const { ended } = await loadWhileDropped(1);
    assert.deepEqual(ended, { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await server.sql('select id from patient'), [{ id: 'after-1' }]);
  });

  test('time and again: its files fail, and not the load', async () => {
    const { name, ended } = await loadWhileDropped(3);
    assert.deepEqual(ended, { state: 'completed', progress: { total: 1, error: 1 } });
    const { message, error } = await server.loaderFile(name, 'Patient.ndjson');
    assert.equal(error?.code, '42P01');
    assert.match(message ?? '', /relation "public\.patient" does not exist \(preparing the table of Patient\)/);
  });
});
