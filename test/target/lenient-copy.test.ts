import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { IdentityTransform } from '../../src/pipeline/identity-transform.ts';
import { connectClient } from '../../src/store/connection-options.ts';
import { copyRows } from '../../src/target/copy-rows.ts';
import { createTestDatabase } from '../support/test-database.ts';

/** Rows of 1 kB, so that a few thousand are several COPYs of the lenient copy, and several of a COPY's buffers. */
const PADDING = 'x'.repeat(1_000);
const good = (n: number) => `{"id":"p${n}","text":"${PADDING}"}`;
const refused = (n: number) => `{"id":"p${n}","text":"\\u0000"}`;
const unreadable = (n: number) => `{"id":"p${n}","id":"again","text":"${PADDING}"}`;

const { connection } = await createTestDatabase({ after });
const client = await connectClient(connection);
after(() => client.end());
await client.query('create table rows_of_test (id text primary key, resource jsonb not null)');

async function load(lines: readonly string[], maxErrors: number, chunkBytes = 100_000, maxLineBytes = 10_000) {
  const file = Buffer.from(lines.join('\n'));
  const chunks = async function* () {
    for (let at = 0; at < file.length; at += chunkBytes) yield file.subarray(at, at + chunkBytes);
  };
  await client.query('begin; truncate rows_of_test; savepoint start');
  const { signal } = new AbortController();
  const encoder = {
    transform: new IdentityTransform('Patient'),
    constants: [],
    maxLineBytes,
    buffers: new CopyBuffers(64 * 1024),
  };
  const statement = 'copy rows_of_test (id, resource) from stdin (format binary)';
  const options = { statement, encoder, maxErrors, signal, times: { gunzipMs: 0, postgresMs: 0 } };
  try {
    const { rows, badLines } = await copyRows([client], chunks(), options, () => {});
    const stored = await client.query<{ id: string }>('select id from rows_of_test');
    return { rows, badLines, ids: new Set(stored.rows.map(({ id }) => id)), file };
  } finally {
    await client.query('rollback');
  }
}

describe('A copy that leaves out bad lines', () => {
  const count = 12_000;
  const bad = [1, 2, 3, 500, 3_999, 4_000, 4_001, 8_000, count];
  const lines = Array.from({ length: count }, (_, index) => {
    const line = index + 1;
    if (!bad.includes(line)) return good(line);
    return line % 2 === 0 ? refused(line) : unreadable(line);
  });

  test('keeps every good row and names every bad line with its place, whether the loader or Postgres found it', async () => {
    const { rows, badLines, ids, file } = await load(lines, bad.length);
    assert.equal(rows, count - bad.length);
    assert.equal(ids.size, rows);
    for (let line = 1; line <= count; line++) assert.equal(ids.has(`p${line}`), !bad.includes(line), `line ${line}`);
    assert.deepEqual(
      badLines.map(({ line, source }) => [line, source]),
      bad.map((line) => [line, line % 2 === 0 ? 'postgres' : 'aidbox']),
    );
    for (const { line, offset, text } of badLines) {
      assert.equal(text, lines[line - 1]?.slice(0, 1024));
      assert.equal(file.toString('utf8', offset, offset + 20), lines[line - 1]?.slice(0, 20));
    }
  });

  test('fails with one bad line too many, and takes the next file on the same connection', async () => {
    await assert.rejects(load(lines, bad.length - 1), { name: 'TooManyBadLines', code: 'too-many-errors' });
    assert.equal((await load([good(1)], 1)).rows, 1);
  });

  test('leaves out a line that is too long, with its beginning', async () => {
    const long = `{"id":"long","text":"${'é'.repeat(9_000)}"}`;
    for (const chunkBytes of [500, 100_000]) {
      const { rows, badLines } = await load([good(1), long, good(3), long], 2, chunkBytes);
      assert.equal(rows, 2);
      assert.deepEqual(
        badLines.map(({ line, offset, code }) => [line, offset, code]),
        [
          [2, good(1).length + 1, 'line-too-long'],
          [4, good(1).length * 2 + Buffer.byteLength(long) + 3, 'line-too-long'],
        ],
      );
      for (const { text } of badLines) assert.ok(long.startsWith(text.replace(/\ufffd$/, '')) && text.length > 500);
    }
  });

  test('leaves out the second of two rows with one id, though they are in different COPYs', async () => {
    const twice = lines.map((line, index) => (bad.includes(index + 1) ? good(index + 1) : line));
    twice.push(good(1), good(count + 2));
    const { rows, badLines } = await load(twice, 1);
    assert.equal(rows, count + 1);
    assert.deepEqual(
      badLines.map(({ line, code, id }) => [line, code, id]),
      [[count + 1, '23505', 'p1']],
    );
  });

  test('finds the rows that a foreign key refuses at the end of the statement, without a word on which', async () => {
    await client.query(`
      create table parent (id text primary key);
      insert into parent select 'p' || n from generate_series(1, 3000) n;
      delete from parent where id in ('p1', 'p777', 'p778', 'p3000');
      alter table rows_of_test add constraint has_parent foreign key (id) references parent`);
    try {
      const all = Array.from({ length: 3_000 }, (_, index) => good(index + 1));
      const { rows, badLines, ids } = await load(all, 4);
      assert.equal(rows, 2_996);
      assert.equal(ids.size, 2_996);
      assert.deepEqual(
        badLines.map(({ line, code }) => [line, code]),
        [1, 777, 778, 3_000].map((line) => [line, '23503']),
      );
      await assert.rejects(load(all, 3), { code: 'too-many-errors' });
    } finally {
      await client.query('alter table rows_of_test drop constraint has_parent; drop table parent');
    }
  });

  test('finds a duplicate that a worker of Citus refuses, which comes without SQLSTATE and line', async () => {
    // As Citus answers it: once all rows are sent, by a text of a worker's.
    await client.query(`
      create function refuse() returns trigger language plpgsql as $$
      declare twice text := (select r.id from rows_of_test r group by r.id having count(*) > 1 limit 1);
      begin
        if twice is not null then
          raise exception using errcode = 'XX000', detail = format('Key (id)=(%s) already exists.', twice),
            message = 'duplicate key value violates unique constraint "rows_of_test_pkey_102027"';
        end if;
        return null;
      end $$;
      alter table rows_of_test drop constraint rows_of_test_pkey;
      create trigger refuse after insert on rows_of_test for each statement execute function refuse();`);
    try {
      const all = Array.from({ length: 3_000 }, (_, index) => good(index + 1));
      all.splice(1_000, 0, good(17));
      all.push(good(1_500));
      const { rows, badLines, ids } = await load(all, 2);
      assert.equal(rows, 3_000);
      assert.equal(ids.size, 3_000);
      assert.deepEqual(
        badLines.map(({ line, code, id }) => [line, code, id]),
        [
          [1_001, '23505', 'p17'],
          [3_002, '23505', 'p1500'],
        ],
      );
    } finally {
      await client.query('drop function refuse cascade; alter table rows_of_test add primary key (id)');
    }
  });

  test('leaves out what is nested too deep for Postgres, and what an index of the table cannot take', async () => {
    await client.query("create index by_key on rows_of_test ((resource ->> 'key'))");
    const deep = `{"id":"deep","nested":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    const large = `{"id":"large","key":"${Array.from({ length: 900 }, (_, n) => Math.sin(n).toString(36)).join('')}"}`;
    try {
      const { badLines, ids } = await load([good(1), deep, good(3), large, good(5)], 2, 100_000, 100_000);
      assert.deepEqual(
        badLines.map(({ line, code }) => [line, code]),
        [
          [2, '54001'],
          [4, '54000'],
        ],
      );
      assert.deepEqual(ids, new Set(['p1', 'p3', 'p5']));
    } finally {
      await client.query('drop index by_key');
    }
  });

  test('leaves out nothing where all lines are blank or none is there', async () => {
    assert.equal((await load([], 1)).rows, 0);
    assert.equal((await load(['', '  ', ''], 1)).rows, 0);
  });

  test('a failure that no row is to blame for fails the file', async () => {
    await client.query(`
      create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'not now' using errcode = 'insufficient_privilege'; end $$;
      create trigger refuse before insert on rows_of_test for each row execute function refuse();`);
    await assert.rejects(load([good(1)], 5), { code: '42501' });
    await client.query('drop function refuse cascade');
  });
});
