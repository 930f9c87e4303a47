import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { type BatchRows, copyBatch } from '../../src/target/batch-copy.ts';
import { migratedClient } from '../support/migrated-client.ts';

const client = await migratedClient({ after });
const going = new AbortController().signal;
await client.query(`
  create temporary table one (id text primary key check (id <> 'bad'));
  create temporary table other (id text primary key check (id <> 'bad'));
  create temporary table child (id text references one);
  create function pg_temp.swallow() returns trigger language plpgsql as
    $$ begin return case when new.id = 'swallowed' then null else new end; end $$;
  create trigger swallow before insert on other for each row execute function pg_temp.swallow()`);

/** A file, by the ids of its rows, for a table. */
const fileOf = (table: string, ...ids: string[]): BatchRows & { ids: readonly string[] } => ({
  ids,
  statement: `copy ${table} (id) from stdin`,
  encoded: {
    format: 'text',
    bytes: ids.map((id) => Buffer.from(`${id}\n`)),
    rows: ids.length,
    bytesIn: 0,
    busyMs: 0,
  },
});

const idsIn = async (table: string) => {
  const { rows } = await client.query<{ id: string }>(`select id from ${table} order by id collate "C"`);
  return rows.map(({ id }) => id);
};

/** Copies files, and returns the ids of those that are left out. */
const leftOut = async (...files: ReturnType<typeof fileOf>[]) => {
  await client.query('begin');
  const refused = await copyBatch(client, files, going);
  await client.query('commit');
  return files.filter((file) => refused.has(file)).map(({ ids }) => ids.join(' '));
};

beforeEach(() => client.query('truncate one, other, child'));

describe('of a batch all rows are stored, but for those of files with one that Postgres refuses', () => {
  test('and names, whatever is before and behind it', async () => {
    const files = [
      fileOf('one', 'a', 'b'),
      fileOf('one'),
      fileOf('one', 'c', 'bad'),
      fileOf('one', 'd'),
      fileOf('one', 'e', 'a'),
      fileOf('one', 'f'),
      fileOf('one', 'bad'),
    ];
    assert.deepEqual(await leftOut(...files), ['c bad', 'e a', 'bad']);
    assert.deepEqual(await idsIn('one'), ['a', 'b', 'd', 'f']);
  });

  test('and names, in a COPY that is not the first one', async () => {
    const files = [
      fileOf('one', 'a', 'b', 'c'),
      fileOf('other', 'a'),
      fileOf('other', 'b', 'bad'),
      fileOf('one', 'd'),
      fileOf('one', 'e', 'bad'),
      fileOf('other', 'c'),
    ];
    assert.deepEqual(await leftOut(...files), ['b bad', 'e bad']);
    assert.deepEqual(
      [await idsIn('one'), await idsIn('other')],
      [
        ['a', 'b', 'c', 'd'],
        ['a', 'c'],
      ],
    );
  });

  test('and does not name: what is looked at when the COPY is over, and what a trigger keeps out without a word', async () => {
    await client.query(`insert into one values ('a'), ('b'), ('c'), ('d')`);
    const files = [
      fileOf('child', 'a'),
      fileOf('child', 'missing'),
      fileOf('child', 'b'),
      fileOf('child', 'c', 'missing'),
      fileOf('child', 'd'),
      fileOf('other', 'x'),
      fileOf('other', 'swallowed', 'y'),
      fileOf('other', 'z'),
    ];
    assert.deepEqual(await leftOut(...files), ['missing', 'c missing', 'swallowed y']);
    assert.deepEqual(
      [await idsIn('child'), await idsIn('other')],
      [
        ['a', 'b', 'd'],
        ['x', 'z'],
      ],
    );
  });
});

test('rows that lie side by side in memory are sent once each, and nothing of what lies between others', async () => {
  const memory = Buffer.from('a\nb\nXXc\nd\n');
  const at = (from: number, to: number) => memory.subarray(from, to);
  const file = fileOf('one', 'a', 'b', 'c', 'd');
  const encoded = { ...file.encoded, bytes: [at(0, 2), at(2, 4), at(6, 8), at(8, 10)] };
  assert.deepEqual(await leftOut({ ...file, encoded }), []);
  assert.deepEqual(await idsIn('one'), ['a', 'b', 'c', 'd']);
});

test('no file is to blame where the load is stopped, or Postgres is out of reach', async () => {
  await client.query('begin');
  await assert.rejects(copyBatch(client, [fileOf('one', 'a')], AbortSignal.abort(new Error('stopped'))), /stopped/);
  await client.query('rollback');
  await client.query(`
    create or replace function pg_temp.swallow() returns trigger language plpgsql as
      $$ begin raise 'the server is shutting down' using errcode = '57P01'; end $$;
    begin`);
  await assert.rejects(copyBatch(client, [fileOf('other', 'a')], going), { code: '57P01' });
  await client.query('rollback');
});
