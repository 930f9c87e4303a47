import assert from 'node:assert/strict';
import { finished } from 'node:stream/promises';
import { after, beforeEach, describe, test } from 'node:test';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { IdentityTransform } from '../../src/pipeline/identity-transform.ts';
import { connectClient } from '../../src/store/connection-options.ts';
import { CopyQueue } from '../../src/target/copy-queue.ts';
import { copyRows } from '../../src/target/copy-rows.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

/** Above what a socket takes at once: Postgres reads the first of a COPY whole before its first row, and while that waits no other is handed on. */
const BUFFER_BYTES = 256 * 1024;
const ROWS = 256;
const GATE = 4711;

const { connection } = await createTestDatabase({ after });
const [held, free, keeper] = await Promise.all([
  connectClient(connection),
  connectClient(connection),
  connectClient(connection),
]);
after(() => Promise.all([held.end(), free.end(), keeper.end()]));
// The two sessions copy into tables of one name. A row of the one waits until the keeper lets it go.
await keeper.query(`
  set lock_timeout = '10s';
  create schema held; create schema free;
  create table held.row_of_test (id text primary key, resource text);
  create table free.row_of_test (id text primary key, resource text);
  create function pass() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock_shared(${GATE}); return new; end $$;
  create trigger pass before insert on held.row_of_test for each row execute function pass()`);
await held.query('set search_path = held, public');
await free.query('set search_path = free, public');

/** One buffer of rows, whose ids begin so. */
const buffer = (name: string) => {
  const line = (n: number) => `${name}${n}\t`.padEnd(BUFFER_BYTES / ROWS - 1, 'x');
  return Buffer.from(`${Array.from({ length: ROWS }, (_, n) => line(n)).join('\n')}\n`);
};

const rowsIn = async (client: pg.Client) => {
  const { rows } = await client.query<{ rows: number }>('select count(*)::int as rows from row_of_test');
  return rows[0]?.rows;
};

/** A COPY, and how many buffers it has freed. */
const startCopy = (client: pg.Client, most: number) => {
  const copy = client.query(copyFrom('copy row_of_test from stdin'));
  const end = finished(copy);
  end.catch(() => {});
  const queue = new CopyQueue(copy, most);
  const started = { copy, end, queue, freed: 0, add: (chunk: Buffer) => queue.add(chunk, () => started.freed++) };
  return started;
};

beforeEach(async () => {
  await keeper.query('select pg_advisory_unlock_all()');
  await keeper.query('truncate held.row_of_test, free.row_of_test');
});

describe('What waits for a COPY', () => {
  test('has room until the most wait, and room again when one is handed on; all of it is in at the end', async () => {
    await keeper.query(`select pg_advisory_lock(${GATE})`);
    const { end, queue, add } = startCopy(held, 3);
    add(buffer('a'));
    await waitFor(() => queue.length === 0, { what: 'the first buffer to be read' });
    for (const name of ['b', 'c']) {
      add(buffer(name));
      await queue.room();
    }
    add(buffer('d'));
    let hasRoom = false;
    const room = queue.room().then(() => {
      hasRoom = true;
    });
    // A whole COPY of another session later there is none yet.
    const other = startCopy(free, 3);
    other.add(buffer('a'));
    await waitFor(() => other.queue.length === 0, { what: 'its only buffer to be handed on' });
    other.queue.end();
    await other.end;
    assert.deepEqual([hasRoom, queue.length], [false, 3]);
    await keeper.query('select pg_advisory_unlock_all()');
    await room;
    queue.end();
    await end;
    assert.deepEqual([await rowsIn(held), queue.length], [4 * ROWS, 0]);
  });

  test('is freed where Postgres refuses a row before it, and so is what comes later; nobody waits for room any more', async () => {
    const started = startCopy(free, 3);
    const { end, queue, add } = started;
    for (const chunk of [buffer('a'), buffer('a'), buffer('b'), buffer('c')]) add(chunk);
    await queue.room();
    await assert.rejects(end, { code: '23505' });
    await queue.room();
    const before = started.freed;
    add(buffer('d'));
    assert.equal(started.freed, before + 1);
    // All but those that the socket may still read: at most the one that was being handed on.
    assert.ok(started.freed >= 4, `${started.freed} of 5 are freed`);
    assert.equal((await free.query('select 1 as one')).rowCount, 1);
  });

  test('is freed where the connection is lost, but for what was being handed on; nobody waits for room any more', async () => {
    await keeper.query(`select pg_advisory_lock(${GATE})`);
    const lost = await connectClient(connection);
    lost.on('error', () => {});
    await lost.query('set search_path = held, public');
    const { rows } = await lost.query<{ pid: number }>('select pg_backend_pid() as pid');
    const started = startCopy(lost, 3);
    const { end, queue, add } = started;
    add(buffer('a'));
    await waitFor(() => queue.length === 0, { what: 'the first buffer to be read' });
    for (const name of ['b', 'c', 'd']) add(buffer(name));
    const room = queue.room();
    assert.deepEqual([started.freed, queue.length], [1, 3]);
    await keeper.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await assert.rejects(end);
    await room;
    assert.equal(started.freed, 3);
  });
});

test('rows for one backend go on while another is behind', { timeout: 60_000 }, async () => {
  await keeper.query('alter table held.row_of_test alter resource type jsonb using null');
  await keeper.query('alter table free.row_of_test alter resource type jsonb using null');
  await keeper.query(`select pg_advisory_lock(${GATE})`);
  const lines = Array.from({ length: 1_800 }, (_, n) => `{"id":"p${n}","text":"${'x'.repeat(1_000)}"}\n`);
  const file = Buffer.from(lines.join(''));
  const chunks = async function* () {
    for (let at = 0; at < file.length; at += 64 * 1024) yield file.subarray(at, at + 64 * 1024);
    // All of the file was taken, while the one backend waits at its first row.
    await keeper.query('select pg_advisory_unlock_all()');
  };
  const encoder = {
    transform: new IdentityTransform('Patient'),
    constants: [],
    maxLineBytes: 10_000,
    buffers: new CopyBuffers(BUFFER_BYTES),
  };
  const statement = 'copy row_of_test (id, resource) from stdin (format binary)';
  const { signal } = new AbortController();
  const options = { statement, encoder, signal, times: { gunzipMs: 0, postgresMs: 0 } };
  const { rows } = await copyRows([held, free], chunks(), options, () => {});
  assert.deepEqual([rows, Number(await rowsIn(held)) + Number(await rowsIn(free))], [lines.length, lines.length]);
});
