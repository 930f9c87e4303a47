import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { LoadSession } from '../../src/load/load-session.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = await createTestDatabase({ after });

describe('LoadSession', () => {
  const { signal } = new AbortController();
  const untouched = { givenUp: signal, shutdown: signal };
  const connect = async (t: { after(close: () => Promise<void>): void }) => {
    const client = new pg.Client({ ...database.connection, application_name: 'watcher' });
    await client.connect();
    t.after(() => client.end());
    return client;
  };
  const SESSIONS = `from pg_stat_activity where datname = current_database() and application_name = 'fhir-bucket-loader'`;
  const held = async (client: pg.Client) => {
    const { rows } = await client.query(
      `select from pg_locks where locktype = 'advisory' and granted
          and database = (select oid from pg_database where datname = current_database())`,
    );
    return rows.length;
  };
  const sessions = async (client: pg.Client) => (await client.query(`select ${SESSIONS}`)).rows.length;

  test('lost again and again while it is made again, it stands once, and ends without a trace', async (t) => {
    const watcher = await connect(t);
    let losses = 0;
    const session = new LoadSession(database.connection, 's3://bucket', untouched, () => losses++);
    await session.join(() => {});
    assert.equal(await held(watcher), 1);
    const until = performance.now() + 3_000;
    while (performance.now() < until) {
      await watcher.query(`select pg_terminate_backend(pid) ${SESSIONS}`);
      await delay(Math.random() * 15);
    }
    assert.ok(losses > 0);
    await waitFor(async () => (await held(watcher)) === 1, { timeoutMs: 30_000, what: 'the session' });
    await delay(500);
    assert.equal(await held(watcher), 1);
    assert.equal(await sessions(watcher), 1);
    await session.end();
    await waitFor(async () => (await sessions(watcher)) === 0, { what: 'the end of the session' });
  });

  test('ended while it is being made again, it does not come back', async (t) => {
    const watcher = await connect(t);
    for (let n = 0; n < 20; n++) {
      const session = new LoadSession(database.connection, 's3://bucket', untouched, () => {});
      await session.join(() => {});
      await watcher.query(`select pg_terminate_backend(pid) ${SESSIONS}`);
      await delay(Math.random() * 30);
      await session.end();
    }
    await waitFor(async () => (await sessions(watcher)) === 0, { what: 'the end of the sessions' });
    await delay(600);
    assert.equal(await sessions(watcher), 0);
  });
});
