import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { LoadSession, type SessionEvent } from '../../src/load/load-session.ts';
import { tryFinishLoad } from '../../src/store/bucket-load/load-lock.ts';
import { notifyLoads } from '../../src/store/bucket-load/load-notice.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = await createTestDatabase({ after });
await migrate(database.connection);
const BUCKET = 's3://bucket';
const { signal: never } = new AbortController();

const connect = async (t: TestContext) => {
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

/** A session that joins again whenever it is lost, as the load has it do. */
const startSession = async () => {
  const seen: SessionEvent[] = [];
  let joining: Promise<void> | undefined;
  const session = new LoadSession(database.connection, BUCKET, (event) => {
    seen.push(event);
    if (event.kind === 'session-lost') joining = rejoin();
  });
  let ended = false;
  const rejoin = async (): Promise<void> => {
    while (!ended) {
      try {
        return await session.join(() => {}, never);
      } catch {
        // Cut off once more while it connected.
      }
    }
  };
  await session.join(() => {}, never);
  return {
    session,
    seen,
    async end() {
      ended = true;
      await session.end();
      await joining;
    },
  };
};

describe('LoadSession', () => {
  test('lost again and again while it reconnects, it stands once, and ends without a trace', async (t) => {
    const watcher = await connect(t);
    const { seen, end } = await startSession();
    assert.equal(await held(watcher), 1);
    for (let cuts = 0; cuts < 100; ) {
      const { rowCount } = await watcher.query(`select pg_terminate_backend(pid) ${SESSIONS}`);
      cuts += rowCount ?? 0;
    }
    await waitFor(async () => (await held(watcher)) === 1 && (await sessions(watcher)) === 1, { what: 'one session' });
    assert.ok(seen.some(({ kind }) => kind === 'session-lost'));
    await end();
    await waitFor(async () => (await sessions(watcher)) === 0, { what: 'the end of the session' });
  });

  test('ended while it reconnects, it does not come back', async (t) => {
    const watcher = await connect(t);
    for (let n = 0; n < 20; n++) {
      const { end } = await startSession();
      await watcher.query(`select pg_terminate_backend(pid) ${SESSIONS}`);
      for (let steps = 0; steps < n; steps++) await watcher.query('select');
      await end();
    }
    await waitFor(async () => (await sessions(watcher)) === 0, { what: 'the end of the sessions' });
  });

  test('raises what other processes tell, also after it was lost', async (t) => {
    const watcher = await connect(t);
    const { session, seen, end } = await startSession();
    t.after(end);
    const heard = async (name: string) => {
      await notifyLoads(watcher, { topic: 'queued', name });
      await waitFor(() => seen.some((event) => event.kind === 'noticed' && event.notice.name === name), { what: name });
    };
    await heard('s3://before');
    await watcher.query(`select pg_terminate_backend(pid) ${SESSIONS}`);
    await waitFor(() => seen.some(({ kind }) => kind === 'session-lost'), { what: 'the loss' });
    await waitFor(async () => (await held(watcher)) === 1, { what: 'the session' });
    await heard('s3://after');
    await watcher.query(`notify fhir_bucket_loader, 'something else'`);
    assert.deepEqual(await session.do(async (connection) => (await connection.query('select 1 as one')).rows), [
      { one: 1 },
    ]);
    assert.equal(seen.filter(({ kind }) => kind === 'noticed').length, 2);
  });

  test('gives up waiting for the session that finishes the bucket', async (t) => {
    const finisher = await connect(t);
    assert.ok(await tryFinishLoad(finisher, BUCKET));
    const giveUp = new AbortController();
    const session = new LoadSession(database.connection, BUCKET, () => {});
    t.after(() => session.end());
    const announced = new AbortController();
    const joined = session.join(() => announced.abort(), giveUp.signal);
    await once(announced.signal, 'abort');
    giveUp.abort();
    await assert.rejects(joined);
  });
});
