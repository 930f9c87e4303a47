import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { ask, type Statement, Statements } from '../../src/store/statement.ts';
import { lastFirst } from '../support/last-first.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

const parts = lastFirst({ after });
const { connection } = await createTestDatabase(parts);
const connect = async () => {
  const client = new pg.Client(connection);
  await client.connect();
  parts.after(() => client.end());
  return client;
};
const client = await connect();
await client.query('create table noted (n int)');

const ODD_TEXTS = ["it's", '\\', "\\' or true --", '$1 and $2', ';', 'a\nb', '', 'ä 💉', "E'x'", '%s %I'];

const echo = (text: string): Statement<string> => ({
  text: 'select $1::text as text',
  values: [text],
  read: ({ rows }) => rows[0].text,
});
const count: Statement<number> = {
  text: 'select count(*)::int as noted from noted',
  read: ({ rows }) => rows[0].noted,
};
const note = (n: number): Statement<number | null> => ({
  text: `insert into noted values (${n})`,
  read: ({ rowCount }) => rowCount,
});
const plain = (text: string): Statement<void> => ({ text, read: () => {} });

describe('statements in one message', () => {
  for (const setting of ['on', 'off'])
    test(`get their values as they are, with standard_conforming_strings ${setting}`, async () => {
      await client.query(`set standard_conforming_strings = ${setting}; set escape_string_warning = off`);
      const list: Statement<string[]> = {
        text: 'select array(select unnest($2::text[]) where $1::text is not null) as texts',
        values: ['x', ODD_TEXTS],
        read: ({ rows }) => rows[0].texts,
      };
      const statements = new Statements();
      const echoed = ODD_TEXTS.map((text) => statements.add(echo(text)));
      const listed = statements.add(list);
      const none = statements.add({ ...list, values: ['x', []] });
      await statements.send(client);
      assert.deepEqual(
        echoed.map((text) => text()),
        ODD_TEXTS,
      );
      assert.deepEqual([listed(), none()], [ODD_TEXTS, []]);
      assert.deepEqual(await ask(client, list), ODD_TEXTS);
      await client.query('reset all');
    });

  test('see what another session has committed while those before them waited', async () => {
    const other = await connect();
    await other.query('select pg_advisory_lock(1)');
    const statements = new Statements();
    statements.add(plain('begin'));
    const before = statements.add(count);
    statements.add(plain('select pg_advisory_xact_lock(1)'));
    const behind = statements.add(count);
    statements.add(plain('commit'));
    const sent = statements.send(client);
    const isWaiting = async () =>
      (
        await other.query(`select from pg_locks where not granted and objid = 1
                             and database = (select oid from pg_database where datname = current_database())`)
      ).rowCount === 1;
    await waitFor(isWaiting, { what: 'the wait for the lock' });
    await other.query('insert into noted values (1)');
    await other.query('select pg_advisory_unlock(1)');
    await sent;
    assert.deepEqual([before(), behind()], [0, 1]);
  });

  test('behind one that fails are not carried out, and have no answer', async () => {
    const statements = new Statements();
    const first = statements.add(echo('first'));
    statements.add(plain('select 1 / 0'));
    const third = statements.add(note(2));
    await assert.rejects(statements.send(client), { code: '22012' });
    assert.throws(first, /no answer to: select \$1::text/);
    assert.throws(third, /no answer/);
    assert.equal((await client.query('select from noted where n = 2')).rowCount, 0);
  });

  test('one alone is a message like any other; a parameter without a value is refused', async () => {
    const statements = new Statements();
    const noted = statements.add(note(3));
    await statements.send(client);
    assert.equal(noted(), 1);
    assert.throws(() => new Statements().add(plain('select $1')), /more parameters than values/);
  });
});
