import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { migrate } from '../../src/store/migrate.ts';
import { AIDBOX_SCHEMA } from '../support/aidbox-schema.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { startTestServer } from '../support/test-server.ts';

const connect = async (t: TestContext, { connection }: TestDatabase) => {
  const client = new pg.Client(connection);
  // The database is dropped under this connection after the test.
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.end());
  return client;
};

/** All that pg_dump would tell of schema public: columns, constraints, indexes, enums, sequences, comments and rows. */
const describeSchema = async (client: pg.Client): Promise<unknown[]> => {
  const described = await client.query(`
    select 'column' as kind, c.relname as name, concat_ws(' ', a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
             a.attnotnull, a.attstorage, pg_get_expr(d.adbin, d.adrelid), obj_description(c.oid), c.relpersistence,
             c.relowner::regrole, c.relacl, c.reloptions) as definition
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    union all
    select 'constraint', conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
     where connamespace = 'public'::regnamespace
    union all
    select 'index', indrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index join pg_class c on c.oid = indrelid
     where c.relnamespace = 'public'::regnamespace
    union all
    select 'enum', enumtypid::regtype::text, enumsortorder || enumlabel from pg_enum
    union all
    select 'sequence', sequencename, concat_ws(' ', start_value, increment_by, cycle, cache_size, last_value)
      from pg_sequences where schemaname = 'public'
    union all
    select 'object', relname, oid::text from pg_class where relnamespace = 'public'::regnamespace
    union all
    select 'function', proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace
    order by 1, 2, 3`);
  const rows = await client.query(`
    select 'patient' as t, p.* from patient p union all select 'history', h.* from patient_history h
    union all select 'loaderfile', l.* from loaderfile l union all select 'pizzaorder', z.* from pizzaorder z order by 1, 2`);
  return [...described.rows, ...rows.rows];
};

describe('migrations', () => {
  test('leave a database where Aidbox’s tables stand exactly as it was', async (t) => {
    const database = await createTestDatabase(t);
    const client = await connect(t, database);
    await client.query(AIDBOX_SCHEMA);
    const before = await describeSchema(client);
    assert.ok((await migrate(database.connection)) > 0);
    const added = (await describeSchema(client)).filter((row) => !isIn(row, before));
    const kept = (await describeSchema(client)).filter((row) => isIn(row, before));
    assert.deepEqual(kept, before);
    // LoaderError is a resource of the loader's own; anything else of ours stands in a schema of our own.
    for (const row of added) assert.match(JSON.stringify(row), /loadererror/);
    assert.equal(await migrate(database.connection), 0);
    // Where a publication is for all tables, Postgres refuses to update or delete rows of one that has no key.
    const keyless = await client.query(`
      select c.oid::regclass::text as name from pg_class c
       where c.relnamespace in ('fhir_bucket_loader'::regnamespace, 'public'::regnamespace) and c.relkind = 'r' and c.relpersistence = 'p'
         and not exists (select from pg_index x where x.indrelid = c.oid and x.indisprimary)`);
    assert.deepEqual(keyless.rows, []);
  });

  test('and loading there adds rows and alters nothing', async (t) => {
    const database = await createTestDatabase(t);
    const client = await connect(t, database);
    await client.query(AIDBOX_SCHEMA);
    const shape = async () =>
      (await describeSchema(client)).filter(
        (row) => typeof row === 'object' && row !== null && 'kind' in row && row.kind !== 'sequence',
      );
    const server = await startTestServer(t, { database, env: { LOADER_RESOURCE_TYPES: 'PizzaOrder' } });
    const before = await shape();
    const bucket = await server.bucketOf({
      'Patient-1.ndjson': [{ resourceType: 'Patient', id: 'new' }],
      'pizzaorder.ndjson': [{ resourceType: 'PizzaOrder', id: 'new' }],
    });
    const options = { 'disable-idx?': true, 'drop-primary-key?': true };
    assert.deepEqual(await server.load(bucket, options), { state: 'completed', progress: { total: 2, done: 2 } });
    // The two keys and the index have been made anew, so their object ids are other ones.
    const withoutIds = (rows: unknown[]) => rows.filter((row) => !JSON.stringify(row).includes('"kind":"object"'));
    assert.deepEqual(withoutIds(await shape()), withoutIds(before));
    const rows = await client.query(
      `select id, resource_type, status, txid > 5000 as after from patient union all
       select id, resource_type, status, txid > 5000 from pizzaorder order by 1, 2`,
    );
    assert.deepEqual(rows.rows, [
      { id: 'new', resource_type: 'Patient', status: 'created', after: true },
      { id: 'new', resource_type: 'PizzaOrder', status: 'created', after: true },
      { id: 'p', resource_type: 'Patient', status: 'created', after: false },
      { id: 'z', resource_type: 'PizzaOrder', status: 'created', after: true },
    ]);
    // What Aidbox loaded is still known.
    const old = await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: 's3://old' });
    assert.deepEqual(old.body.result, { state: 'completed', progress: { total: 1, done: 1 } });
  });

  test('replicas that start at once migrate once, on an empty database and on Aidbox’s', async (t) => {
    for (const setup of ['', AIDBOX_SCHEMA]) {
      const database = await createTestDatabase(t);
      const client = await connect(t, database);
      if (setup !== '') await client.query(setup);
      const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(database.connection)));
      assert.equal(applied.filter((count) => count > 0).length, 1);
      const { rows } = await client.query(
        `select to_regclass('loaderfile') is not null as queue, to_regclass('fhir_bucket_loader.bucket_load') is not null as own`,
      );
      assert.deepEqual(rows, [{ queue: true, own: true }]);
    }
  });

  test('two servers that start at once on one empty database both serve', async (t) => {
    const database = await createTestDatabase(t);
    const [one, two] = await Promise.all([startTestServer(t, { database }), startTestServer(t, { database })]);
    const bucket = await one.bucketOf({ 'Patient.ndjson': [{ id: 'p' }] });
    await one.load(bucket);
    assert.deepEqual(await two.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    await one.close();
    await two.close();
  });
});

function isIn(row: unknown, rows: readonly unknown[]): boolean {
  const text = JSON.stringify(row);
  return rows.some((other) => JSON.stringify(other) === text);
}
