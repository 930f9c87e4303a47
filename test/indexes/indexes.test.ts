import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import type { Closing } from '../support/last-first.ts';
import { ndjson } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const { sql, load, bucketOf, startLoad, ended } = server;

interface Disabled {
  indexname: string;
  status: string;
  message?: string;
  indexdef: string;
  tablespace?: string;
  restore?: { start: string; end: string; duration: number };
}

const disabledOf = async (table: string) =>
  (
    await sql<{ resource: Disabled }>(
      `select resource from disabledindex where resource ->> 'tablename' = $1 order by resource ->> 'indexname', ts`,
      [table],
    )
  ).map(({ resource }) => resource);

/** Everything about a table's indexes and constraints that a user could tell from the catalog. */
const shapeOf = (table: string) =>
  sql(
    `select 'index' as kind, i.relname as name, pg_get_indexdef(i.oid) as definition,
            concat_ws(' ', ts.spcname, array_to_string(i.reloptions, ','), x.indisvalid, x.indisunique, x.indisprimary,
                      x.indisexclusion, x.indimmediate, x.indisclustered, obj_description(i.oid, 'pg_class'),
                      (select string_agg(attnum || '=' || coalesce(attstattarget, -1), ',' order by attnum)
                         from pg_attribute where attrelid = i.oid)) as rest
       from pg_index x join pg_class i on i.oid = x.indexrelid left join pg_tablespace ts on ts.oid = i.reltablespace
      where x.indrelid = $1::regclass
     union all
     select 'constraint', conname, pg_get_constraintdef(oid),
            concat_ws(' ', contype, condeferrable, condeferred, convalidated, conindid::regclass,
                      obj_description(oid, 'pg_constraint'))
       from pg_constraint where conrelid = $1::regclass
     union all
     select 'column', attname, attnotnull::text, null from pg_attribute where attrelid = $1::regclass and attnum > 0
     order by 1, 2, 3`,
    [table],
  );

const indexNames = async (table: string) =>
  (
    await sql<{ name: string }>(
      `select indexrelid::regclass::text as name from pg_index where indrelid = $1::regclass order by 1`,
      [table],
    )
  ).map(({ name }) => name);

/** Creates the table of a type by loading an empty file. */
const createTable = async (type: string) => {
  await load(await bucketOf({ [`${type}.ndjson`]: '' }));
};

/** Holds the file that has this row, until `open` is called; `reached` waits until it is held. */
const holdRow = async (t: Closing, table: string, id: string) => {
  const gate = await server.gate(t, `${table}_history`);
  const [name, locks] = [`hold_row_of_${table}`, `gate_of_${table}_history`];
  await sql(`
    create or replace function ${name}() returns trigger language plpgsql as
      $$ begin if new.id = '${id}' then lock table ${locks} in share mode; end if; return new; end $$;
    create or replace trigger ${name} before insert on ${table} for each row execute function ${name}()`);
  return gate;
};

const status = async (bucket: string) =>
  (await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` })).body.result;

/** A table as a load that died has left it. */
const leftBehind = async (type: string) => {
  const table = type.toLowerCase();
  await createTable(type);
  await sql(`create index ${table}_plain on ${table} (ts)`);
  const before = await shapeOf(table);
  const bucket = await bucketOf({ [`${type}.ndjson`]: [{ id: `${table}-first` }] });
  await load(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
  await sql(`drop index ${table}_plain; alter table ${table} drop constraint ${table}_pkey`);
  await sql(
    `update disabledindex set resource = resource - 'restore' || '{"status": "disabled"}'
      where resource ->> 'tablename' = $1`,
    [table],
  );
  // The load that has just completed may not have left its process.
  const isLeft = async () => !JSON.stringify(await status(bucket)).includes('"state":"in-progress"');
  await waitFor(isLeft, { what: 'the end of the first load' });
  return { bucket, before };
};

describe('disable-idx? and drop-primary-key?', () => {
  test('every kind of index and constraint is dropped during the load, and back as it was afterwards', async (t) => {
    await createTable('Patient');
    await sql(`
      create extension if not exists btree_gist;
      create index patient_plain on patient ((resource ->> 'birthDate'));
      create index patient_gin on patient using gin (resource jsonb_path_ops) with (fastupdate = off);
      create index "Patient_Name ""quoted""" on patient (lower(resource #>> '{name,0,family}') text_pattern_ops desc nulls last);
      create index patient_partial on patient (ts) where status = 'created' and resource ? 'active';
      create index patient_include on patient (cts) include (txid, resource_type) with (fillfactor = 70);
      create unique index patient_unique_index on patient ((resource ->> 'mrn'));
      alter table patient add constraint patient_unique unique (txid, id);
      alter table patient add constraint patient_unique_include unique (id, cts) include (ts) with (fillfactor = 60);
      alter table patient add constraint patient_nulls unique nulls not distinct (id, resource_type);
      alter table patient add constraint patient_deferred unique (id, ts) deferrable initially deferred;
      alter table patient add constraint patient_deferrable unique (id, status) deferrable;
      alter table patient add constraint patient_no_overlap exclude using gist (id with =, tstzrange(ts, cts, '[]') with &&) with (fillfactor = 80)
        where (status = 'updated');
      comment on index patient_plain is 'Birth dates: it''s \\ for "the" report';
      comment on index patient_unique is 'of the index';
      comment on constraint patient_unique on patient is 'of the key';
      comment on constraint patient_pkey on patient is E'two\\nlines';
      alter index "Patient_Name ""quoted""" alter column 1 set statistics 700;
      alter table patient cluster on patient_include;
      alter table patient add constraint patient_check check (id <> 'bad')`);
    const before = await shapeOf('patient');
    const all = await indexNames('patient');
    assert.equal(all.length, 13);

    const gate = await server.gate(t, 'patient');
    const bucket = await bucketOf({ 'Patient-1.ndjson': [{ id: 'a' }], 'Patient-2.ndjson': [{ id: 'b' }] });
    await startLoad(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    await gate.reached();
    assert.deepEqual(await indexNames('patient'), []);
    const during = await disabledOf('patient');
    assert.deepEqual(
      during.map(({ indexname, status }) => `${indexname} ${status}`).toSorted(),
      all.map((name) => `${name.replace(/^"|"$/g, '').replaceAll('""', '"')} disabled`).toSorted(),
    );
    await gate.open();
    assert.deepEqual(await ended(bucket), { state: 'completed', progress: { total: 2, done: 2 } });

    assert.deepEqual(await shapeOf('patient'), before);
    for (const { status, restore, message } of await disabledOf('patient')) {
      assert.equal(status, 'restored');
      assert.equal(message, undefined);
      assert.ok(restore !== undefined && restore.start <= restore.end && Number.isInteger(restore.duration));
    }
    // The keys work again.
    await assert.rejects(sql(`insert into patient select * from patient where id = 'a'`), { code: '23505' });
  });

  test('disable-idx? leaves the primary key alone, drop-primary-key? the others', async (t) => {
    await createTable('Encounter');
    await sql('create index encounter_plain on encounter (ts)');
    for (const [option, standing] of [
      ['disable-idx?', ['encounter_pkey']],
      ['drop-primary-key?', ['encounter_plain']],
    ] as const) {
      const gate = await server.gate(t, 'encounter');
      const bucket = await bucketOf({ 'Encounter.ndjson': [{ id: option }] });
      await startLoad(bucket, { [option]: true });
      await gate.reached();
      assert.deepEqual(await indexNames('encounter'), standing);
      await gate.open();
      await ended(bucket);
      assert.deepEqual(await indexNames('encounter'), ['encounter_pkey', 'encounter_plain']);
    }
  });

  test('only the tables that are loaded lose their indexes', async () => {
    await createTable('Location');
    const bucket = await bucketOf({ 'Organization.ndjson': [{ id: 'o' }] });
    await load(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    assert.deepEqual(await disabledOf('location'), []);
    assert.deepEqual(
      (await disabledOf('organization')).map(({ indexname }) => indexname),
      ['organization_pkey'],
    );
  });

  test('an index in another tablespace comes back there', async (t) => {
    // Postgres demands an empty folder of its own, so it is the server's user who makes it.
    const [folder] = await sql<{ path: string }>(`select current_setting('data_directory') || '_tablespace' as path`);
    const path = folder?.path ?? (await mkdtemp('/tmp/'));
    try {
      await sql(`copy (select '${path}') to program 'xargs mkdir -p'`);
      await sql(`create tablespace test_tablespace location '${path}'`);
    } catch (error) {
      t.skip(`no tablespace on this server: ${error instanceof Error ? error.message : error}`);
      return;
    }
    t.after(async () => {
      await sql('drop table if exists medication, medication_history');
      await sql('drop tablespace test_tablespace');
      await sql(`copy (select '${path}') to program 'xargs rm -r'`);
    });
    await createTable('Medication');
    await sql('create index medication_there on medication (ts) tablespace test_tablespace');
    await sql(
      'alter table medication add constraint medication_key unique (id, txid) using index tablespace test_tablespace',
    );
    const before = await shapeOf('medication');
    await load(await bucketOf({ 'Medication.ndjson': [{ id: 'm' }] }), {
      'disable-idx?': true,
      'drop-primary-key?': true,
    });
    assert.deepEqual(await shapeOf('medication'), before);
    assert.deepEqual(
      (await disabledOf('medication')).map(({ indexname, tablespace }) => [indexname, tablespace]),
      [
        ['medication_key', 'test_tablespace'],
        ['medication_pkey', undefined],
        ['medication_there', 'test_tablespace'],
      ],
    );
  });

  test('an invalid index, which perhaps cannot be made, is left as it is', async () => {
    await createTable('Device');
    await sql(`insert into device (id, txid, status, resource)
               values ('one', 1, 'created', '{}'), ('two', 1, 'created', '{}')`);
    await assert.rejects(sql('create unique index concurrently device_failed on device (txid)'), { code: '23505' });
    const before = await shapeOf('device');
    const bucket = await bucketOf({ 'Device.ndjson': [{ id: 'm' }] });
    const status = await load(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    assert.deepEqual(status, { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await shapeOf('device'), before);
  });

  test('a table that is told meanwhile to be ordered by another index stays so', async (t) => {
    await createTable('Substance');
    await sql('create index substance_plain on substance (ts); alter table substance cluster on substance_plain');
    const gate = await server.gate(t, 'substance');
    const bucket = await bucketOf({ 'Substance.ndjson': [{ id: 's' }] });
    await startLoad(bucket, { 'disable-idx?': true });
    await gate.reached();
    await sql('alter table substance cluster on substance_pkey');
    await gate.open();
    assert.equal((await ended(bucket)).state, 'completed');
    assert.deepEqual(
      await sql(`select indexrelid::regclass::text as name, indisclustered as ordered from pg_index
                  where indrelid = 'substance'::regclass order by 1`),
      [
        { name: 'substance_pkey', ordered: true },
        { name: 'substance_plain', ordered: false },
      ],
    );
  });

  test('an index whose mark the table does not support (any more) is restored without it, which its DisabledIndex says', async () => {
    await createTable('BodyStructure');
    await sql(
      'create index bodystructure_plain on bodystructure (ts); alter table bodystructure cluster on bodystructure_plain',
    );
    const bucket = await bucketOf({ 'BodyStructure.ndjson': [{ id: 's' }] });
    await load(bucket, { 'disable-idx?': true });
    // As a load that died left it, before somebody made it a partial index, by which no table is ordered.
    await sql(`drop index bodystructure_plain;
      update disabledindex
         set resource = resource - 'restore' || jsonb_build_object('status', 'disabled',
               'indexdef', (resource ->> 'indexdef') || ' where txid > 0')
       where resource ->> 'indexname' = 'bodystructure_plain'`);
    assert.equal((await load(bucket)).state, 'completed');
    assert.deepEqual(await indexNames('bodystructure'), ['bodystructure_pkey', 'bodystructure_plain']);
    const [disabled] = await disabledOf('bodystructure');
    assert.equal(disabled?.status, 'restored');
    assert.equal(
      disabled?.message,
      'bodystructure_plain was restored without "alter table "public"."bodystructure" cluster on "bodystructure_plain"": ' +
        '0A000: ERROR: cannot cluster on partial index "bodystructure_plain"',
    );
  });

  test('restored also when files failed', async () => {
    await createTable('Procedure');
    await sql('create index procedure_plain on procedure (ts)');
    const before = await shapeOf('procedure');
    const bucket = await bucketOf({
      'Procedure-1.ndjson': [{ id: 'p' }],
      'Procedure-2.ndjson': '{"id":1}',
      'Procedure-3.ndjson': '{"id":"x","a":[}',
    });
    const status = await load(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    assert.deepEqual(status, { state: 'completed', progress: { total: 3, done: 1, error: 2 } });
    assert.deepEqual(await shapeOf('procedure'), before);
  });

  test('restored also when all of the work was done by an earlier call', async () => {
    await createTable('Coverage');
    await sql('create index coverage_plain on coverage (ts)');
    const before = await shapeOf('coverage');
    const bucket = await bucketOf({ 'Coverage.ndjson': [{ id: 'c' }] });
    for (const _ of [1, 2]) await load(bucket, { 'disable-idx?': true });
    assert.deepEqual(await shapeOf('coverage'), before);
    // The second call had nothing to load, so it touched no index.
    assert.equal((await disabledOf('coverage')).length, 1);
  });
});

describe('a key that cannot come back', () => {
  test('duplicates: no row is lost, the reason is told, and a later call brings the key back', async () => {
    await createTable('Immunization');
    const before = await shapeOf('immunization');
    const bucket = await bucketOf({
      'Immunization-1.ndjson': [{ id: 'dup', a: 1 }, { id: 'one' }],
      'Immunization-2.ndjson': [{ id: 'dup', a: 2 }],
    });
    const status = await load(bucket, { 'drop-primary-key?': true });
    assert.equal(status.state, 'interrupted');
    assert.deepEqual(status.progress, { total: 2, done: 2 });
    const reason =
      /immunization_pkey could not be restored: 23505: ERROR: could not create unique index "immunization_pkey" \(Key \(id\)=\(dup\) is duplicated\.\)/;
    assert.match(status.message ?? '', reason);
    assert.match(status.message ?? '', /Call aidbox\.bulk\/load-from-bucket again to retry\.$/);
    const [disabled] = await disabledOf('immunization');
    assert.equal(disabled?.status, 'disabled');
    assert.match(disabled?.message ?? '', reason);
    assert.deepEqual(await sql('select id from immunization order by id'), [
      { id: 'dup' },
      { id: 'dup' },
      { id: 'one' },
    ]);

    // Still not mended: the same again, and still no row lost.
    assert.match((await load(bucket)).message ?? '', reason);
    await sql(`delete from immunization where resource @> '{"a": 1}'`);
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
    assert.deepEqual(await shapeOf('immunization'), before);
    const [restored, ...more] = await disabledOf('immunization');
    assert.deepEqual([restored?.status, restored?.message, more.length], ['restored', undefined, 0]);
  });

  test('one that cannot come back keeps none of the others away', async () => {
    await createTable('Specimen');
    await sql('create index specimen_plain on specimen (ts)');
    const bucket = await bucketOf({ 'Specimen.ndjson': [{ id: 'dup' }, { id: 'dup' }] });
    const status = await load(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    assert.match(status.message ?? '', /specimen_pkey/);
    assert.doesNotMatch(status.message ?? '', /specimen_plain/);
    assert.deepEqual(await indexNames('specimen'), ['specimen_plain']);
  });

  test('a key that a foreign key points to stays, which its DisabledIndex says, and the load goes on', async () => {
    await createTable('Practitioner');
    await sql('create table notes (practitioner text references practitioner (id))');
    await sql('create index practitioner_plain on practitioner (ts)');
    const before = await shapeOf('practitioner');
    const bucket = await bucketOf({ 'Practitioner.ndjson': [{ id: 'p' }] });
    assert.deepEqual(await load(bucket, { 'disable-idx?': true, 'drop-primary-key?': true }), {
      state: 'completed',
      progress: { total: 1, done: 1 },
    });
    assert.deepEqual(await shapeOf('practitioner'), before);
    const [key, plain] = await disabledOf('practitioner');
    assert.match(
      key?.message ?? '',
      /^practitioner_pkey was kept: constraint notes_practitioner_fkey on table notes depends on/,
    );
    assert.deepEqual([plain?.indexname, plain?.status], ['practitioner_plain', 'restored']);

    await load(await bucketOf({ 'Practitioner.ndjson': [{ id: 'q' }] }), { 'drop-primary-key?': true });
    assert.equal((await disabledOf('practitioner')).length, 2, 'said once, not once a load');
  });
});

describe('drop-primary-key? of a table that logical replication', () => {
  /** Loads a file into the type's table, and what a client may do to its rows meanwhile. */
  const loadHeld = async (t: Closing, type: string, meanwhile: () => Promise<void>) => {
    const table = type.toLowerCase();
    const gate = await server.gate(t, table);
    const bucket = await bucketOf({ [`${type}.ndjson`]: [{ id: 'r' }] });
    await startLoad(bucket, { 'drop-primary-key?': true });
    await gate.reached();
    await meanwhile();
    await gate.open();
    assert.deepEqual((await ended(bucket)).progress, { total: 1, done: 1 });
    return await disabledOf(table);
  };

  for (const [what, publish] of [
    ['publishes', 'for table appointment'],
    ['publishes with all tables', 'for all tables'],
  ] as const) {
    test(`${what}: the key stays, others can update and delete, and its DisabledIndex says why`, async (t) => {
      await createTable('Appointment');
      await sql('drop publication if exists reports');
      await sql(`insert into appointment (id, txid, resource_type, status, resource) values ('a', 1, 'Appointment', 'created', '{}')
                 on conflict do nothing; create publication reports ${publish}`);
      t.after(() => sql('drop publication reports'));
      const [key] = await loadHeld(t, 'Appointment', async () => {
        await sql(`update appointment set txid = 2 where id = 'a'`);
        await sql(`delete from appointment where id in ('a', 'r')`);
      });
      assert.equal(
        key?.message,
        'appointment_pkey was kept: a publication sends updates or deletes of the table by it',
      );
      await sql(`delete from appointment`);
    });
  }

  test('publishes inserts of, alone or by whole rows: the key goes, and comes back', async (t) => {
    await createTable('Slot');
    await createTable('Schedule');
    await sql(`alter table schedule replica identity full;
      create publication inserts for table slot with (publish = 'insert'); create publication whole_rows for table schedule`);
    t.after(() => sql('drop publication inserts; drop publication whole_rows'));
    for (const type of ['Slot', 'Schedule']) {
      const table = type.toLowerCase();
      const [key] = await loadHeld(t, type, async () => assert.deepEqual(await indexNames(table), []));
      assert.deepEqual([key?.status, key?.message], ['restored', undefined]);
      assert.deepEqual(await indexNames(table), [`${table}_pkey`]);
    }
  });

  test('writes to: the key stays, by which updates and deletes find their rows', async (t) => {
    await createTable('DeviceMetric');
    await sql(`create subscription incoming connection 'dbname=nowhere' publication anything with (connect = false);
      begin; set local allow_system_table_mods = on;
      insert into pg_subscription_rel (srsubid, srrelid, srsubstate) select oid, 'devicemetric'::regclass, 'r' from pg_subscription where subname = 'incoming'; commit`);
    t.after(() =>
      sql(`alter subscription incoming set (slot_name = none)`).then(() => sql('drop subscription incoming')),
    );
    const [key] = await loadHeld(t, 'DeviceMetric', async () =>
      assert.deepEqual(await indexNames('devicemetric'), ['devicemetric_pkey']),
    );
    assert.equal(key?.message, 'devicemetric_pkey was kept: a subscription finds the rows of the table by it');
  });
});

describe('after a crash', () => {
  test('a server that dies during the load: the next call of another loads the rest and restores', async (t) => {
    const doomed = await startTestServer(t);
    const bucket = await doomed.bucketOf({
      'Device-1.ndjson': [{ id: 'd1' }],
      'Device-2.ndjson': ndjson([{ id: 'd2' }]),
      'Goal.ndjson': [{ id: 'g' }],
    });
    await doomed.load(await doomed.bucketOf({ 'Device.ndjson': '', 'Goal.ndjson': '' }));
    await doomed.sql('create index device_plain on device (ts)');
    const gate = await doomed.gate(t, 'goal');
    await doomed.startLoad(bucket, { 'disable-idx?': true, 'drop-primary-key?': true });
    await gate.reached();

    await doomed.crash();
    await gate.open();
    const survivor = await startTestServer(t, { database: doomed.database, s3: doomed.s3 });

    const { body } = await survivor.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
    assert.match(JSON.stringify(body), /"state":"interrupted"/);
    const status = await survivor.load(bucket);
    assert.deepEqual(status, { state: 'completed', progress: { total: 3, done: 3 } });
    assert.deepEqual(
      await survivor.sql(`select indexrelid::regclass::text as name from pg_index
                           where indrelid in ('device'::regclass, 'goal'::regclass) order by 1`),
      [{ name: 'device_pkey' }, { name: 'device_plain' }, { name: 'goal_pkey' }],
    );
    assert.deepEqual(await survivor.sql('select id from device union all select id from goal order by 1'), [
      { id: 'd1' },
      { id: 'd2' },
      { id: 'g' },
    ]);
  });

  test('died after the last file and before the restore: the next call restores, though nothing is to be loaded', async () => {
    const { bucket, before } = await leftBehind('Claim');
    const { body } = await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
    assert.deepEqual(body.result, {
      state: 'interrupted',
      progress: { total: 1, done: 1 },
      message:
        'Dropped indexes are not restored: claim_pkey is not restored yet; claim_plain is not restored yet. ' +
        'Call aidbox.bulk/load-from-bucket again to retry.',
    });
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await shapeOf('claim'), before);
  });

  test('a server that is closed while an index is made again gives it up, and the next call makes it', async (t) => {
    const closed = await startTestServer(t);
    await closed.load(await closed.bucketOf({ 'Device.ndjson': '' }));
    await closed.sql('create index device_plain on device (ts)');
    const gate = await closed.gate(t, 'device');
    const bucket = await closed.bucketOf({ 'Device-1.ndjson': [{ id: 'd' }] });
    await closed.startLoad(bucket, { 'disable-idx?': true });
    await gate.reached();
    const writer = new pg.Client(closed.database.connection);
    writer.on('error', () => {});
    await writer.connect();
    t.after(() => writer.end());
    // An open transaction that has written lets rows in, but no index be made.
    await writer.query('begin; lock table device in row exclusive mode');
    await gate.open();
    await waitFor(async () => (await closed.loaderFile(bucket, 'Device-1.ndjson')).status === 'done', {
      what: 'the file',
    });
    await closed.waitForLock();
    await closed.stop();
    await writer.query('rollback');

    const next = await startTestServer(t, { database: closed.database, s3: closed.s3 });
    const { body } = await next.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
    assert.match(JSON.stringify(body), /"state":"interrupted".*device_plain is not restored yet/);
    assert.equal((await next.load(bucket)).state, 'completed');
    assert.deepEqual(await next.sql(`select from pg_class where relname = 'device_plain'`), [{}]);
  });

  test('an index that somebody made again by hand counts as restored', async () => {
    await createTable('Account');
    const bucket = await bucketOf({ 'Account.ndjson': [{ id: 'a' }] });
    await load(bucket, { 'drop-primary-key?': true });
    await sql(`update disabledindex set resource = resource || '{"status": "disabled"}'
                where resource ->> 'tablename' = 'account'`);
    assert.equal((await load(bucket)).state, 'completed');
    assert.deepEqual(await indexNames('account'), ['account_pkey']);
  });
});

describe('indexes that an earlier load has dropped and not restored', () => {
  test('are not forgotten when their LoaderFiles are deleted', async () => {
    const { bucket, before } = await leftBehind('Slot');
    await sql(`delete from loaderfile where resource ->> 'bucket' = $1`, [`s3://${bucket}`]);
    assert.deepEqual(await status(bucket), {
      state: 'interrupted',
      progress: { total: 0 },
      message:
        'Dropped indexes are not restored: slot_pkey is not restored yet; slot_plain is not restored yet. ' +
        'Call aidbox.bulk/load-from-bucket again to retry.',
    });
    await server.s3.deleteObject(bucket, 'Slot.ndjson');
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 0 } });
    assert.deepEqual(await shapeOf('slot'), before);
  });

  test('come back also when a LoaderFile is deleted in mid-load', async (t) => {
    await createTable('Flag');
    await createTable('Goal');
    const before = await shapeOf('flag');
    const gate = await server.gate(t, 'goal');
    const bucket = await bucketOf({ 'Flag.ndjson': '{"no":"id"}', 'Goal.ndjson': [{ id: 'mid-load' }] });
    await startLoad(bucket, { 'drop-primary-key?': true });
    await gate.reached();
    await waitFor(async () => (await server.loaderFile(bucket, 'Flag.ndjson')).status === 'error', { what: 'Flag' });
    await sql(`delete from loaderfile where resource ->> 'file' = 'Flag.ndjson'`);
    await gate.open();
    assert.deepEqual(await ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await shapeOf('flag'), before);
  });

  test('are back before a load of another bucket begins: duplicates fail, upsert? finds its rows', async () => {
    const { before } = await leftBehind('Media');
    const bucket = await bucketOf({
      'Media-1.ndjson': [{ id: 'twice' }, { id: 'twice' }],
      'Media-2.ndjson': [{ id: 'media-first' }],
    });
    assert.deepEqual(await load(bucket), { state: 'completed', progress: { total: 2, error: 2 } });
    assert.match((await server.loaderFile(bucket, 'Media-1.ndjson')).message ?? '', /^23505.*media_pkey/);
    assert.deepEqual(await shapeOf('media'), before);

    await leftBehind('Basic');
    const upsert = await bucketOf({ 'Basic.ndjson': [{ id: 'basic-first', changed: true }, { id: 'new' }] });
    assert.deepEqual(await load(upsert, { 'upsert?': true }), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await sql('select id, resource from basic order by id'), [
      { id: 'basic-first', resource: { changed: true } },
      { id: 'new', resource: {} },
    ]);
  });

  test('a load of another bucket waits for the key that a load in progress has dropped, and says so', async (t) => {
    await createTable('Composition');
    const before = await shapeOf('composition');
    const gate = await server.gate(t, 'composition');
    const first = await bucketOf({ 'Composition.ndjson': [{ id: 'one' }] });
    await startLoad(first, { 'drop-primary-key?': true });
    await gate.reached();
    const second = await bucketOf({ 'Composition.ndjson': [{ id: 'one' }], 'Slot.ndjson': [{ id: 'meanwhile' }] });
    await startLoad(second);
    await waitFor(async () => (await server.loaderFile(second, 'Slot.ndjson')).status === 'done', { what: 'Slot' });
    assert.deepEqual(await status(second), {
      state: 'in-progress',
      progress: { total: 2, done: 1, pending: 1 },
      message: 'Waits until another load has restored composition_pkey.',
    });
    await gate.open();
    assert.equal((await ended(first)).state, 'completed');
    assert.deepEqual(await ended(second), { state: 'completed', progress: { total: 2, done: 1, error: 1 } });
    assert.deepEqual(await sql(`select id from composition`), [{ id: 'one' }]);
    assert.deepEqual(await shapeOf('composition'), before);
  });

  test('a load keeps the key that another load in progress relies on', async (t) => {
    await createTable('Group');
    await createTable('Goal');
    const gate = await server.gate(t, 'goal');
    // The larger file is the first.
    const first = await bucketOf({
      'Goal.ndjson': [{ id: 'relies', much: 'x'.repeat(100) }],
      'Group.ndjson': [{ id: 'two' }],
    });
    await startLoad(first, { 'thread-num': 1 });
    await gate.reached();
    // Also when the session that says so is lost and made again.
    const session = async () => {
      // A file in flight holds one such lock, the session those of the bucket, of its run and of both keys.
      const sessions = await sql<{ pid: number; locks: number }>(
        `select pid, count(*)::int as locks from pg_locks
          where locktype = 'advisory' and mode = 'ShareLock' and granted
            and database = (select oid from pg_database where datname = current_database())
          group by pid having count(*) > 1`,
      );
      return sessions[0];
    };
    const before = await session();
    assert.equal(before?.locks, 4);
    await sql('select pg_terminate_backend($1)', [before.pid]);
    await waitFor(
      async () => {
        const now = await session();
        return now?.locks === before.locks && now.pid !== before.pid;
      },
      {
        what: 'the same locks, on a new session',
        seen: async () => ({
          before,
          status: await status(first),
          locks: await sql(`select * from pg_locks where locktype = 'advisory'
                              and database = (select oid from pg_database where datname = current_database())`),
          sessions: await sql(`select pid, state, wait_event, left(query, 200) as query from pg_stat_activity
                                where datname = current_database()`),
        }),
      },
    );
    const second = await bucketOf({ 'Group-2.ndjson': [{ id: 'two' }, { id: 'three' }] });
    const kept = await load(second, { 'drop-primary-key?': true });
    assert.deepEqual(kept, { state: 'completed', progress: { total: 1, done: 1 } });
    assert.match((await disabledOf('group')).at(-1)?.message ?? '', /^group_pkey was kept: another load relies on it$/);
    await gate.open();
    assert.deepEqual(await ended(first), { state: 'completed', progress: { total: 2, done: 1, error: 1 } });
    assert.match((await server.loaderFile(first, 'Group.ndjson')).message ?? '', /^23505.*group_pkey/);
  });

  test('a key that is dropped under a load is back before its next file', async (t) => {
    await createTable('Invoice');
    await createTable('Goal');
    const before = await shapeOf('invoice');
    const gate = await server.gate(t, 'goal');
    const bucket = await bucketOf({
      // The larger file is the first.
      'Goal.ndjson': [{ id: 'first', much: 'x'.repeat(100) }],
      'Invoice.ndjson': [{ id: 'twice' }, { id: 'twice' }],
    });
    await startLoad(bucket, { 'thread-num': 1 });
    await gate.reached();
    // As another load leaves it that has missed this one's session, which was lost a moment ago.
    await sql(`insert into disabledindex (id, txid, status, resource)
               values ('dropped-under', 1, 'created', jsonb_build_object(
                 'schemaname', current_schema(), 'tablename', 'invoice', 'indexname', 'invoice_pkey',
                 'indexdef', pg_get_indexdef('invoice_pkey'::regclass), 'status', 'disabled',
                 'constraint', '{"name": "invoice_pkey", "definition": "PRIMARY KEY (id)", "primary": true}'::jsonb));
               alter table invoice drop constraint invoice_pkey`);
    await gate.open();
    assert.deepEqual(await ended(bucket), { state: 'completed', progress: { total: 2, done: 1, error: 1 } });
    assert.match((await server.loaderFile(bucket, 'Invoice.ndjson')).message ?? '', /^23505.*invoice_pkey/);
    assert.deepEqual(await shapeOf('invoice'), before);
  });

  test('files stay in the queue while rows contradict the key, and the status says why', async () => {
    const { bucket } = await leftBehind('Linkage');
    await sql('insert into linkage select * from linkage');
    const other = await bucketOf({ 'Linkage.ndjson': [{ id: 'next' }], 'Slot.ndjson': [{ id: 'other' }] });
    const { state, progress, message } = await load(other);
    assert.deepEqual([state, progress], ['interrupted', { total: 2, done: 1, pending: 1 }]);
    assert.match(message ?? '', /linkage_pkey could not be restored: 23505.*Call .* again to retry\.$/);
    await sql(`delete from linkage where ctid <> (select min(ctid) from linkage)`);
    assert.deepEqual(await load(other), { state: 'completed', progress: { total: 2, done: 2 } });
    assert.deepEqual(await status(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
  });
});

test('two buckets that load the same table at once: its indexes are off for both, and back after the later one', async (t) => {
  await createTable('Condition');
  await sql('create index condition_plain on condition (ts)');
  const before = await shapeOf('condition');
  const gate = await holdRow(t, 'condition', 'held');
  const options = { 'disable-idx?': true, 'drop-primary-key?': true };
  const first = await bucketOf({ 'Condition-1.ndjson': [{ id: 'c1' }], 'Condition-2.ndjson': [{ id: 'held' }] });
  await startLoad(first, options);
  await gate.reached();
  const second = await bucketOf({ 'Condition.ndjson': [{ id: 'c2' }] });
  await startLoad(second, options);
  await waitFor(async () => (await server.loaderFile(second, 'Condition.ndjson')).status === 'done', {
    what: 'the second load',
  });
  assert.deepEqual(await indexNames('condition'), [], 'the first load still relies on it');
  const { body } = await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${second}` });
  assert.deepEqual(body.result, { state: 'in-progress', progress: { total: 1, done: 1 } });
  await gate.open();
  assert.equal((await ended(second)).state, 'completed');
  assert.equal((await ended(first)).state, 'completed');
  assert.deepEqual(await shapeOf('condition'), before);
});

test('many buckets that end at the same time leave no index behind', async () => {
  await createTable('Schedule');
  const before = await shapeOf('schedule');
  const buckets: string[] = [];
  for (let n = 0; n < 8; n++) buckets.push(await bucketOf({ 'Schedule.ndjson': [{ id: `s${n}` }] }));
  const statuses = await Promise.all(buckets.map((bucket) => load(bucket, { 'drop-primary-key?': true })));
  for (const status of statuses) assert.deepEqual(status, { state: 'completed', progress: { total: 1, done: 1 } });
  assert.deepEqual(await shapeOf('schedule'), before);
});
