import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

const lines = [{ id: 'a' }, { id: 'swallowed' }, { id: 'c' }];

/** A trigger that keeps rows out by returning null, on a table that it makes sure of. */
async function swallowing(type: string, condition: string, event = 'insert or update') {
  const table = type.toLowerCase();
  await server.load(await server.bucketOf({ [`${type}.ndjson`]: '' }));
  await server.sql(`
    create or replace function swallow_${table}() returns trigger language plpgsql as
      $$ begin if ${condition} then return null; end if; return new; end $$;
    create trigger swallow before ${event} on ${table} for each row execute function swallow_${table}()`);
  return table;
}

describe('a trigger that swallows rows: the file fails and says so, and no row stays', () => {
  const cases: [what: string, type: string, params: object, condition: string, message: RegExp][] = [
    ['plain', 'Account', {}, `new.id = 'swallowed'`, /stored 2 of 3 rows: a trigger or rule of the table/],
    ['upsert?', 'Appointment', { 'upsert?': true }, `new.id = 'swallowed'`, /stored 2 of 3 rows/],
    ['upsert?, all of them', 'Basic', { 'upsert?': true }, 'true', /stored 0 of 3 rows/],
    ['max-errors', 'Claim', { 'max-errors': 5 }, `new.id = 'swallowed'`, /stored 2 of 3 rows/],
    ['upsert? and max-errors', 'Consent', { 'upsert?': true, 'max-errors': 5 }, 'true', /stored 0 of 3 rows/],
  ];
  for (const [what, type, params, condition, message] of cases) {
    test(what, async () => {
      const table = await swallowing(type, condition);
      const bucket = await server.bucketOf({ [`${type}-1.ndjson`]: lines });
      assert.deepEqual(await server.load(bucket, params), { state: 'completed', progress: { total: 1, error: 1 } });
      const file = await server.loaderFile(bucket, `${type}-1.ndjson`);
      assert.deepEqual(file.error, { source: 'aidbox', code: 'rows-kept-out' });
      assert.match(file.message ?? '', message);
      assert.deepEqual(await server.sql(`select from ${table}`), []);
    });
  }

  test('an existing row that upsert? may not overwrite', async () => {
    const table = await swallowing('Coverage', 'true', 'update');
    await server.load(await server.bucketOf({ 'Coverage-1.ndjson': lines }));
    const bucket = await server.bucketOf({ 'Coverage-2.ndjson': [{ id: 'a', n: 2 }, { id: 'new' }] });
    await server.load(bucket, { 'upsert?': true });
    assert.match((await server.loaderFile(bucket, 'Coverage-2.ndjson')).message ?? '', /stored 1 of 2 rows/);
    assert.equal((await server.sql(`select from ${table}`)).length, 3);
  });
});

describe('a trigger on the loader’s own tables', () => {
  test('that keeps LoaderFiles out: the call is refused, rather than to say that nothing is new', async () => {
    await server.sql(`
      create function swallow_file() returns trigger language plpgsql as
        $$ begin return case when new.resource ->> 'file' = 'Patient-2.ndjson' then null else new end; end $$;
      create trigger swallow before insert on loaderfile for each row execute function swallow_file()`);
    const bucket = await server.bucketOf({ 'Patient-1.ndjson': [{ id: '1' }], 'Patient-2.ndjson': [{ id: '2' }] });
    const { status, body } = await server.startLoad(bucket);
    await server.sql('drop trigger swallow on loaderfile');
    assert.equal(status, 422);
    assert.match(body.error?.message ?? '', /stored 1 of 2 rows: a trigger or rule of loaderfile/);
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
  });

  test('that keeps DisabledIndexes out: the index is not dropped', async () => {
    await server.load(await server.bucketOf({ 'Device.ndjson': '' }));
    await server.sql(`
      create index device_ts on device (ts);
      create function swallow_all() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger swallow before insert on disabledindex for each row execute function swallow_all()`);
    const bucket = await server.bucketOf({ 'Device-1.ndjson': [{ id: 'd' }] });
    const status = await server.load(bucket, { 'disable-idx?': true });
    assert.equal(status.state, 'interrupted');
    assert.match(status.message ?? '', /stored 0 of 1 rows: a trigger or rule of disabledindex/);
    assert.equal((await server.sql(`select from pg_class where relname = 'device_ts'`)).length, 1);
    await server.sql('drop trigger swallow on disabledindex');
  });
});
