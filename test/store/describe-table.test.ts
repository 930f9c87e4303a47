import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { describeTable, hasUniqueId } from '../../src/store/describe-table.ts';
import { migratedClient } from '../support/migrated-client.ts';

const client = await migratedClient({ after });
const table = { schema: 'public', name: 'thing' };

test('an id is unique where a valid index on it alone covers every row', async () => {
  for (const [index, isUnique] of [
    ['alter table thing add primary key (id)', true],
    ['create unique index on thing (id)', true],
    ['create unique index on thing (id) include (txid)', true],
    ['create index on thing (id)', false],
    ['create unique index on thing (id, txid)', false],
    ['create unique index on thing (txid)', false],
    ['create unique index on thing (lower(id))', false],
    ['create unique index on thing (id) where txid > 0', false],
  ] as const) {
    await client.query(`create table thing (txid bigint, id text not null); ${index}`);
    assert.equal(await hasUniqueId(client, table), isUnique, index);
    await client.query('drop table thing');
  }
  await client.query(`create table thing (txid bigint, id text); insert into thing values (1, 'a'), (2, 'a')`);
  await assert.rejects(client.query('create unique index concurrently on thing (id)'), { code: '23505' });
  assert.equal(await hasUniqueId(client, table), false, 'it is invalid');
  await client.query('drop table thing');
});

test('what a partition is, its table is: unlogged, or with rows that are elsewhere', async () => {
  const partitioned = 'create table thing (id text) partition by list (id)';
  for (const [partition, unlogged, foreign] of [
    [`create table a partition of thing for values in ('a')`, false, false],
    [`create unlogged table a partition of thing for values in ('a')`, true, false],
    [`create foreign table a partition of thing for values in ('a') server elsewhere`, false, true],
  ] as const) {
    await client.query(`begin; create foreign data wrapper none; create server elsewhere foreign data wrapper none`);
    await client.query(`${partitioned}; ${partition}`);
    const found = await describeTable(client, table);
    assert.deepEqual([found.unlogged, found.foreign], [unlogged, foreign], partition);
    await client.query('rollback');
  }
});

test('a rule counts where an INSERT would apply it', async () => {
  await client.query('create table thing (id text); create rule gone as on insert to thing do instead nothing');
  const rules = async () => (await describeTable(client, table)).insertRules;
  assert.deepEqual(await rules(), ['gone']);
  await client.query('alter table thing disable rule gone');
  assert.deepEqual(await rules(), []);
});
