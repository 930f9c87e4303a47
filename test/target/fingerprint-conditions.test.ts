import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { Queryable } from '../../src/store/query.ts';
import { Fingerprints } from '../../src/target/upsert/fingerprints.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });
await server.load(await server.bucketOf({ 'Account.ndjson': [{ id: 'first' }] }), { 'upsert?': true });
const TABLE = { schema: 'public', name: 'account' };
const HASH = '11111111-1111-1111-1111-111111111111';

async function open(db: Queryable): Promise<Fingerprints> {
  const fingerprints = await Fingerprints.open(db, TABLE);
  assert.ok(fingerprints);
  return fingerprints;
}

/** How many fingerprints a statement that is given none else has written. */
async function noted(db: Queryable, statement: string): Promise<number | null> {
  return (await db.query(statement)).rowCount;
}

describe('a row that a file has inserted is remembered', () => {
  const cases: [what: string, statements: string, rows: number][] = [
    ['under read committed', '', 1],
    ['not under repeatable read', 'rollback; begin isolation level repeatable read', 0],
    ['not under serializable', 'rollback; begin isolation level serializable', 0],
    ['not where the table has a rule', 'create rule none as on delete to account do instead nothing', 0],
    [
      'not where it has a trigger',
      `create function same() returns trigger language plpgsql as 'begin return new; end';
       create trigger same before insert on account for each row execute function same()`,
      0,
    ],
  ];
  for (const [what, statements, rows] of cases)
    test(what, async (t) => {
      const client = await server.holdingTransaction(t);
      await client.query(statements);
      const fingerprints = await open(client);
      const written = '(select id, ctid as stored_at, xmin as version, tableoid as stored_in from account)';
      const hashes = `(select 'first'::text as id, '${HASH}'::uuid as hash)`;
      assert.equal(await noted(client, fingerprints.noteInserted(written, hashes)), rows);
    });
});

describe('of the epoch of transactions', () => {
  test('a row is remembered only where its transaction is of this one', async (t) => {
    const client = await server.holdingTransaction(t);
    const fingerprints = await open(client);
    const { rows } = await client.query<{ now: string }>('select (txid_current() & 4294967295)::text as now');
    const now = Number(rows[0]?.now);
    const same = (version: number) =>
      `(select 'same' as change, '${HASH}'::uuid as hash, '(0,${version - now + 5})'::tid as stored_at,
               '${version}'::xid as version, 'account'::regclass::oid as stored_in)`;
    for (const [version, rows] of [
      [now - 1, 1],
      [now, 1],
      // Its number is still to come: it was written before numbers began anew.
      [now + 1, 0],
    ] as const)
      assert.equal(await noted(client, fingerprints.noteSame(same(version))), rows, `${version - now}`);
  });

  test('fingerprints of another one mean nothing', async (t) => {
    const client = await server.holdingTransaction(t);
    const { key } = await open(client);
    assert.deepEqual((await open(client)).key, key);
    await client.query(
      `create schema later;
       create function later.txid_current() returns bigint language sql as 'select pg_catalog.txid_current() + 4294967296';
       set local search_path = later, pg_catalog, public`,
    );
    assert.notDeepEqual((await open(client)).key, key);
  });
});
