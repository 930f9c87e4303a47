import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Fastify from 'fastify';
import pg from 'pg';
import { readyRoute } from '../../src/http/ready-route.ts';
import { schemaVersionTable } from '../../src/store/migrate.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after }, { env: { BOX_ROOT_CLIENT_SECRET: 'not for probes' } });

describe('GET /ready', () => {
  const ask = async () => {
    const response = await fetch(`${server.url}/ready`);
    return [response.status, await response.json()];
  };

  test('200 without credentials when the database is reachable and migrated', async () => {
    assert.deepEqual(await ask(), [200, { status: 'ready' }]);
  });

  test('503 on a database that lacks the newest migration, or all of them', async () => {
    const notMigrated = [503, { status: 'not ready', reason: 'the database is not migrated' }];
    const client = new pg.Client(server.database.connection);
    await client.connect();
    const versions = await schemaVersionTable(client);
    await client.end();
    await server.sql(`delete from ${versions} where version = (select max(version) from ${versions})`);
    assert.deepEqual(await ask(), notMigrated);
    await server.sql(`alter table ${versions} rename to moved`);
    assert.deepEqual(await ask(), notMigrated);
  });

  for (const [what, query] of [
    ['refuses connections', () => Promise.reject(new Error('ECONNREFUSED'))],
    ['does not answer', () => new Promise<never>(() => {})],
  ] as const)
    test(`503 when the database ${what}`, async (t) => {
      const pool = new pg.Pool();
      t.mock.method(pool, 'query', query);
      const app = Fastify();
      t.after(() => app.close());
      readyRoute(app, pool);
      const answer = await app.inject('/ready');
      assert.equal(answer.statusCode, 503);
      assert.deepEqual(answer.json(), { status: 'not ready', reason: 'the database cannot be reached' });
    });
});
