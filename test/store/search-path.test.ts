import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { AIDBOX_SCHEMA } from '../support/aidbox-schema.ts';
import { lastFirst } from '../support/last-first.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const parts = lastFirst({ after });

/** Two schemas on the search_path: Aidbox's tables stand in the second, and new ones go to the first. */
async function databaseOfTwoSchemas(): Promise<TestDatabase> {
  const database = await createTestDatabase(parts);
  const owner = new pg.Client(database.connection);
  await owner.connect();
  await owner.query(AIDBOX_SCHEMA);
  await owner.query(`create schema app; alter database ${database.connection.database} set search_path = app, public`);
  await owner.end();
  return database;
}

const server: TestServer = await startTestServer(parts, {
  database: await databaseOfTwoSchemas(),
  env: { LOADER_RESOURCE_TYPES: 'PizzaOrder' },
});

describe('search_path = app, public, with Aidbox’s tables in public', () => {
  const indexes = async (table: string) =>
    (
      await server.sql<{ name: string }>(
        `select indexrelid::regclass::text as name from pg_index where indrelid = $1::regclass order by 1`,
        [table],
      )
    ).map(({ name }) => name);

  test('the migrations make no second table, sequence or enum beside Aidbox’s', async () => {
    const twice = await server.sql(
      `select relname from pg_class where relnamespace in ('app'::regnamespace, 'public'::regnamespace)
         and relkind in ('r', 'S', 'p') group by 1 having count(*) > 1`,
    );
    assert.deepEqual(twice, []);
    assert.deepEqual(
      await server.sql(`select typnamespace::regnamespace::text as s from pg_type where typname = 'resource_status'`),
      [{ s: 'public' }],
    );
  });

  test('a table of public counts as a type, is loaded into, and its txid comes from Aidbox’s sequence', async () => {
    const bucket = await server.bucketOf({ 'PizzaOrder.ndjson': [{ id: 'pizza' }], 'Patient.ndjson': [{ id: 'new' }] });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
    assert.deepEqual(
      await server.sql(`select resource_type, txid > 5000 as after from public.pizzaorder where id = 'pizza'`),
      [{ resource_type: 'PizzaOrder', after: true }],
    );
    assert.equal((await server.sql(`select from public.patient where id = 'new'`)).length, 1);
  });

  test('disable-idx? and drop-primary-key? drop the indexes of the table that the rows go to, and restore them', async (t) => {
    await server.sql('drop table if exists app.patient; create index patient_ts on public.patient (ts)');
    const before = await indexes('public.patient');
    assert.equal(before.length, 3);
    const gate = await server.gate(t, 'public.patient');
    const bucket = await server.bucketOf({ 'Patient-2.ndjson': [{ id: 'second' }] });
    await server.startLoad(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    await gate.reached();
    assert.deepEqual(await indexes('public.patient'), []);
    await gate.open();
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await indexes('public.patient'), before);
    const recorded = await server.sql(
      `select distinct resource ->> 'schemaname' as schema, resource ->> 'status' as status from disabledindex`,
    );
    assert.deepEqual(recorded, [{ schema: 'public', status: 'restored' }]);
  });

  test('an index of public that a dead load has left is missed by the status, and brought back by the next load', async () => {
    await server.sql(`
      alter table public.patient drop constraint patient_pkey;
      update disabledindex set resource = resource - 'restore' || '{"status": "disabled"}'
       where resource ->> 'indexname' = 'patient_pkey'`);
    const bucket = await server.bucketOf({ 'Patient-3.ndjson': [{ id: 'third' }, { id: 'third' }] });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 1, error: 1 } });
    assert.ok((await indexes('public.patient')).includes('patient_pkey'));
  });

  test('a missing history table is made beside its table', async () => {
    await server.sql('drop table public.pizzaorder_history');
    const bucket = await server.bucketOf({ 'PizzaOrder-4.ndjson': [{ id: 'fourth' }] });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    const places = await server.sql(
      `select relnamespace::regnamespace::text as schema, relname as name from pg_class where relname like 'pizzaorder%' and relkind = 'r' order by 2`,
    );
    assert.deepEqual(places, [
      { schema: 'public', name: 'pizzaorder' },
      { schema: 'public', name: 'pizzaorder_history' },
    ]);
  });
});

test('a partitioned table’s indexes stay, which their DisabledIndex says', async () => {
  const server = await startTestServer({ after });
  await server.load(await server.bucketOf({ 'Patient.ndjson': [{ id: 'first' }] }));
  await server.sql(`
    create table encounter (like patient including all) partition by hash (id);
    create table encounter_0 partition of encounter for values with (modulus 1, remainder 0);
    create index encounter_ts on encounter (ts)`);
  const bucket = await server.bucketOf({ 'Encounter.ndjson': [{ id: 'e' }] });
  await server.load(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
  const rows = await server.sql(
    `select resource ->> 'message' as message, resource ->> 'status' as status from disabledindex order by 1`,
  );
  assert.deepEqual(rows, [
    { message: 'encounter_pkey was kept: the table is partitioned', status: 'restored' },
    { message: 'encounter_ts was kept: the table is partitioned', status: 'restored' },
  ]);
});
