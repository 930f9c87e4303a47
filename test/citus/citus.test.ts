import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { connectClient } from '../../src/store/connection-options.ts';
import { readTableSize } from '../../src/store/table-size.ts';
import { createCitusDatabase, NEEDS_CITUS } from '../support/citus-database.ts';
import type { Closing } from '../support/last-first.ts';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const start = async (t: Closing, env: Readonly<Record<string, string>> = {}) =>
  await startTestServer(t, { database: await createCitusDatabase(t), env });

const count = async (server: TestServer, table: string) =>
  (
    await server.sql<{ rows: number; ids: number }>(
      `select count(*)::int as rows, count(distinct id)::int as ids from ${table}`,
    )
  )[0];

/** How Citus keeps the tables of this name and its history, and with which others. */
const kept = async (server: TestServer, table: string) =>
  await server.sql<{ name: string; column: string | null; group: number | null }>(
    `select c.relname as name, column_to_column_name(p.logicalrelid, p.partkey) as "column", p.colocationid as "group"
       from pg_class c left join pg_dist_partition p on p.logicalrelid = c.oid
      where c.oid in ($1::regclass, ($1 || '_history')::regclass) order by 1`,
    [table],
  );

describe('On Citus', NEEDS_CITUS, () => {
  test('missing tables are distributed by id, the history with its table, and hold every row once', async (t) => {
    const server = await start(t);
    const bucket = await server.bucketOf({
      'Patient-1.ndjson.gz': patients(2_000, 'a'),
      'Patient-2.ndjson.gz': patients(2_000, 'b'),
      'Observation.ndjson.gz': Array.from({ length: 500 }, (_, n) => ({ id: `o${n}` })),
    });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 3, done: 3 } });
    assert.deepEqual(await count(server, 'patient'), { rows: 4_000, ids: 4_000 });
    for (const table of ['patient', 'observation']) {
      const both = await kept(server, table);
      assert.deepEqual(
        both.map(({ name, column }) => [name, column]),
        [
          [table, 'id'],
          [`${table}_history`, 'id'],
        ],
      );
      assert.equal(both[0]?.group, both[1]?.group);
    }
    assert.deepEqual(
      (await kept(server, 'loaderfile')).map(({ column }) => column),
      [null, null],
    );
  });

  test('a table that is there stays as it is, and its history follows it; a setting keeps all on the coordinator', async (t) => {
    const database = await createCitusDatabase(t);
    const server = await startTestServer(t, { database });
    const columns = `id text primary key, txid bigint not null, ts timestamptz default current_timestamp,
      cts timestamptz default current_timestamp, resource_type text, status resource_status not null, resource jsonb not null`;
    await server.sql(`create table device (${columns})`);
    await server.sql(`create table flag (${columns})`);
    await server.sql(`select create_distributed_table('flag', 'id', shard_count => 4, colocate_with => 'none')`);
    await server.load(await server.bucketOf({ 'Device.ndjson': [{ id: 'd' }], 'Flag.ndjson': [{ id: 'f' }] }));
    assert.deepEqual(
      (await kept(server, 'device')).map(({ column }) => column),
      [null, null],
    );
    const [flag, history] = await kept(server, 'flag');
    assert.deepEqual([flag?.column, history?.column], ['id', 'id']);
    assert.equal(flag?.group, history?.group);

    const off = await startTestServer(t, { database, s3: server.s3, env: { LOADER_DISTRIBUTE_TABLES: 'false' } });
    await off.load(await off.bucketOf({ 'Goal.ndjson': [{ id: 'g' }] }));
    assert.deepEqual(
      (await kept(off, 'goal')).map(({ column }) => column),
      [null, null],
    );
  });

  test('an id that exists fails its file by its SQLSTATE, or is left out by max-errors, with its line', async (t) => {
    const server = await start(t);
    await server.load(await server.bucketOf({ 'Patient.ndjson.gz': [{ id: 'there' }] }));
    const lines = [...patients(1_500, 'p'), { id: 'there' }, ...patients(1_500, 'q'), { id: 'p-1' }, { id: 'last' }];
    const bucket = await server.bucketOf({ 'Patient-2.ndjson.gz': lines });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 1, error: 1 } });
    const failed = await server.loaderFile(bucket, 'Patient-2.ndjson.gz');
    assert.equal(failed.error?.code, '23505');
    assert.match(failed.message ?? '', /Key \(id\)=\((there|p-1)\) already exists/);
    assert.deepEqual(await count(server, 'patient'), { rows: 1, ids: 1 });

    const again = await server.bucketOf({ 'Patient-2.ndjson.gz': lines });
    const status = await server.load(again, { 'max-errors': 2 });
    assert.deepEqual([status.progress, status['lines-left-out']], [{ total: 1, done: 1 }, 2]);
    assert.deepEqual(await count(server, 'patient'), { rows: 3_002, ids: 3_002 });
    const errors = await server.sql<{ resource: { line: number; code: string; id: string } }>(
      'select resource from loadererror order by (resource ->> $1)::int',
      ['line'],
    );
    assert.equal(errors.length, 2);
    assert.deepEqual(
      errors.map(({ resource: { line } }) => line),
      [1_501, 3_002],
    );
  });

  test('rows come as text, which the coordinator hands on unparsed; jsonb that a worker refuses has its line and code all the same', async (t) => {
    const server = await start(t);
    const note = 'tab\t, line\n, return\r, \\ and \\N, "quotes", \u0001, é😀';
    const lines = [
      { id: 'plain\\id', note, meta: { lastUpdated: '2024-05-01T12:30:00.123456+02:00' } },
      { id: 'dateless', note },
    ];
    await server.load(await server.bucketOf({ 'Patient.ndjson.gz': lines }), { 'keep-last-updated?': true });
    assert.deepEqual(
      await server.sql(
        `select id, resource, to_char(ts at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') = '2024-05-01 10:30:00.123456' as dated
           from patient order by id`,
      ),
      [
        { id: 'dateless', resource: { note }, dated: false },
        { id: 'plain\\id', resource: { note }, dated: true },
      ],
    );

    // Held in its COPY.
    const holder = await server.holdingTransaction(t);
    await holder.query('lock table patient in share row exclusive mode');
    const held = await server.bucketOf({ 'Patient-2.ndjson.gz': patients(10, 'held') });
    await server.startLoad(held);
    await waitFor(
      async () => {
        const statement = `select from pg_stat_activity
          where query like 'copy %."patient" % from stdin (format text)' and wait_event_type = 'Lock'`;
        return (await server.sql(statement)).length > 0;
      },
      { what: 'a COPY in text form that waits' },
    );
    await holder.query('rollback');
    assert.equal((await server.ended(held)).state, 'completed');

    for (const [value, code] of Object.entries({
      '"\\ud800"': '22P02',
      '"\\u0000"': '22P05',
      '1e400000': '22003',
      '{1}': '22P02',
    })) {
      const bad = [...patients(1_500, 'p'), ...patients(1_500, 'q')].map((patient) => JSON.stringify(patient));
      bad.splice(1_700, 0, `{"id":"bad","value":${value}}`);
      const bucket = await server.bucketOf({ 'Patient-bad.ndjson': bad.join('\n') });
      assert.deepEqual((await server.load(bucket)).progress, { total: 1, error: 1 });
      const { message, error } = await server.loaderFile(bucket, 'Patient-bad.ndjson');
      assert.equal(error?.code, code);
      assert.match(message ?? '', /line 1701/);
      const lenient = await server.bucketOf({ 'Patient-bad.ndjson': bad.join('\n') });
      const status = await server.load(lenient, { 'max-errors': 1 });
      assert.deepEqual([status.progress, status['lines-left-out']], [{ total: 1, done: 1 }, 1]);
      await server.sql(`delete from patient where id like 'p-%' or id like 'q-%'`);
    }
  });

  test('the size of a distributed table is that of its shards, and its sessions keep their connections to workers', async (t) => {
    const server = await start(t);
    await server.load(await server.bucketOf({ 'Patient.ndjson.gz': patients(3_000) }));
    const [place] = await server.sql<{ schema: string }>('select current_schema() as schema');
    await server.sql('analyze patient');
    const client = await connectClient(server.database.connection);
    t.after(() => client.end());
    const size = await readTableSize(client, { schema: place?.schema ?? '', name: 'patient' });
    assert.equal(size.rows, 3_000);
    assert.ok(size.bytes > 3_000 * 50, `${size.bytes}`);
    const { rows } = await client.query('show citus.max_cached_conns_per_worker');
    assert.deepEqual(rows, [{ 'citus.max_cached_conns_per_worker': '16' }]);
  });

  test('upsert? overwrites what is there', async (t) => {
    const server = await start(t);
    await server.load(await server.bucketOf({ 'Patient.ndjson.gz': patients(300) }));
    const changed = patients(400).map((patient) => ({ ...patient, active: true }));
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': changed });
    assert.equal((await server.load(bucket, { 'upsert?': true })).state, 'completed');
    assert.deepEqual(await server.sql(`select status::text, count(*)::int from patient group by 1 order by 1`), [
      { status: 'created', count: 100 },
      { status: 'updated', count: 300 },
    ]);
  });

  test('indexes and keys are dropped and restored, one by which the table was ordered before it was distributed too', async (t) => {
    const server = await start(t, { LOADER_DISTRIBUTE_TABLES: 'false' });
    await server.load(await server.bucketOf({ 'Patient.ndjson': '' }));
    await server.sql('create index patient_plain on patient (ts); alter table patient cluster on patient_plain');
    await server.sql('alter table patient add constraint patient_once unique (id, txid)');
    await server.sql(`select create_distributed_table('patient', 'id')`);
    const indexes = () =>
      server.sql(`select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
                    from pg_index where indrelid = 'patient'::regclass order by 1`);
    const before = await indexes();
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(100) });
    const params = { 'disable-idx?': true, 'drop-primary-key?': true };
    assert.deepEqual(await server.load(bucket, params), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await indexes(), before);
    assert.equal(before.length, 3);
    const notes = await server.sql<{ message: string; status: string }>(
      `select resource ->> 'message' as message, resource ->> 'status' as status from disabledindex
        where resource ->> 'indexname' = 'patient_plain'`,
    );
    assert.equal(notes[0]?.status, 'restored');
    assert.match(notes[0]?.message ?? '', /^patient_plain was restored without "alter table .* cluster on .*": 0A000/);
  });

  test('a cancel ends files that wait for a lock on the coordinator', async (t) => {
    const server = await start(t);
    await server.load(await server.bucketOf({ 'Patient.ndjson': '' }));
    const holder = new pg.Client(server.database.connection);
    await holder.connect();
    t.after(() => holder.end());
    await holder.query('begin; lock table patient in exclusive mode');
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(100) });
    await server.startLoad(bucket);
    await server.waitForLock();
    await server.rpc('aidbox.bulk/load-from-bucket-cancel', { bucket: `s3://${bucket}` });
    assert.equal((await server.ended(bucket)).state, 'interrupted');
    await holder.query('rollback');
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await count(server, 'patient'), { rows: 100, ids: 100 });
  });

  test('rows go past the coordinator, each file once; what fails has its code; what may not go there does not', async (t) => {
    const server = await start(t, { LOADER_DATA_URLS: 'auto' });
    const bucket = await server.bucketOf({
      'Patient-1.ndjson.gz': patients(2_000, 'a'),
      'Patient-2.ndjson.gz': patients(2_000, 'b'),
      'Patient-3.ndjson.gz': [...patients(1_500, 'c'), { id: 'c-7' }],
      'Patient-4.ndjson': `${JSON.stringify({ id: 'fine' })}\n{"id":"bad","name":"\\ud800"}\n`,
    });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 4, done: 2, error: 2 } });
    assert.deepEqual(await count(server, 'patient'), { rows: 4_000, ids: 4_000 });
    const [twice, bad] = [
      await server.loaderFile(bucket, 'Patient-3.ndjson.gz'),
      await server.loaderFile(bucket, 'Patient-4.ndjson'),
    ];
    assert.deepEqual([twice.error?.code, bad.error?.code], ['23505', '22P02']);
    assert.match(bad.message ?? '', /line 2/);
    assert.deepEqual(await server.sql('select from fhir_bucket_loader.data_attempt'), []);

    // A table that is on the coordinator alone.
    const local = await startTestServer(t, {
      database: server.database,
      s3: server.s3,
      env: { LOADER_DATA_URLS: 'auto', LOADER_DISTRIBUTE_TABLES: 'false' },
    });
    const goals = await local.bucketOf({ 'Goal.ndjson': [{ id: 'g' }] });
    assert.deepEqual(await local.load(goals), { state: 'completed', progress: { total: 1, done: 1 } });
    const lenient = await server.bucketOf({ 'Patient.ndjson': [{ id: 'a-1' }, { id: 'more' }] });
    assert.equal((await server.load(lenient, { 'max-errors': 1 }))['lines-left-out'], 1);
    const upserted = await server.bucketOf({ 'Patient.ndjson': [{ id: 'a-1', active: true }] });
    assert.deepEqual((await server.load(upserted, { 'upsert?': true })).progress, { total: 1, done: 1 });
    assert.deepEqual(await count(server, 'patient'), { rows: 4_001, ids: 4_001 });
  });

  test('rows past the coordinator go to tables of each kind', async (t) => {
    const server = await start(t, { LOADER_DATA_URLS: 'auto', LOADER_DISTRIBUTE_TABLES: 'false' });
    const attempts = async () =>
      (
        await server.sql<{ attempts: number }>(
          `select pg_stat_get_tuples_inserted('fhir_bucket_loader.data_attempt'::regclass)::int as attempts`,
        )
      )[0]?.attempts ?? 0;
    const kinds = {
      Location: `select create_reference_table('location')`,
      Endpoint: `select create_distributed_table('endpoint', null, colocate_with => 'none')`,
      Schedule: `select citus_add_local_table_to_metadata('schedule')`,
      Slot: 'select 1',
    };
    for (const [type, keep] of Object.entries(kinds)) {
      await server.load(await server.bucketOf({ [`${type}.ndjson`]: '' }));
      await server.sql(keep);
      const some = (prefix: string) => Array.from({ length: 1_000 }, (_, n) => ({ id: `${prefix}-${n}` }));
      const files = { [`${type}-1.ndjson.gz`]: some('a'), [`${type}-2.ndjson.gz`]: some('b') };
      const before = await attempts();
      const status = await server.load(await server.bucketOf(files));
      assert.deepEqual(status, { state: 'completed', progress: { total: 2, done: 2 } }, type);
      // The table that Citus does not know is the coordinator's own.
      if (type !== 'Slot') await waitFor(async () => (await attempts()) === before + 2, { what: 'two attempts' });
      else assert.equal(await attempts(), before);
      assert.deepEqual(await count(server, type), { rows: 2_000, ids: 2_000 }, type);
    }
  });

  test('small files go through the coordinator together, as text; the one that a worker refuses is found', async (t) => {
    const server = await start(t, { LOADER_DATA_URLS: 'auto' });
    const name = 'tab\t, \\ and \\N, \u0001, é😀';
    const bucket = await server.bucketOf({
      ...Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`Patient-${n}.ndjson`, [{ id: `p${n}`, name }]])),
      'Patient-bad.ndjson': '{"id":"fine"}\n{"id":"bad","value":"\\ud800"}\n',
      'Patient-twice.ndjson': [{ id: 'p1' }],
    });
    const status = await server.load(bucket, { 'thread-num': 1 });
    assert.deepEqual(status, { state: 'completed', progress: { total: 22, done: 20, error: 2 } });
    assert.deepEqual(await server.sql('select count(*)::int as rows, min(resource::text) from patient'), [
      { rows: 20, min: JSON.stringify({ name }).replace(':', ': ') },
    ]);
    const { error, message } = await server.loaderFile(bucket, 'Patient-bad.ndjson');
    assert.equal(error?.code, '22P02');
    assert.match(message ?? '', /line 2/);
    const transactions = await server.sql<{ rows: number }>(
      `select result::int as rows from run_command_on_shards('patient', 'select count(distinct xmin::text) from %s')`,
    );
    // A shard has the rows of one transaction or two, not one for each.
    assert.ok(Math.max(...transactions.map(({ rows }) => rows)) <= 2);
  });

  test('a load is completed when rows are there whose commit a worker has decided, and another has only prepared', async (t) => {
    const server = await start(t, { LOADER_DATA_URLS: 'auto' });
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(100) });
    await server.load(bucket);
    await prepareOnWorker(t, server, { byWorker: true });
    await server.s3.putObject(bucket, 'Patient-2.ndjson.gz', ndjsonGzip(patients(10, 'later')));
    assert.equal((await server.load(bucket)).state, 'completed');
    assert.deepEqual(await count(server, 'patient'), { rows: 111, ids: 111 });
  });

  test('a load is completed when rows that a worker has only prepared are there', async (t) => {
    const server = await start(t);
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(100) });
    await server.load(bucket);
    const { worker, shard } = await prepareOnWorker(t, server);
    assert.deepEqual(await count(server, 'patient'), { rows: 100, ids: 100 }, `${shard} on ${worker}`);
    await server.s3.putObject(bucket, 'Patient-2.ndjson.gz', ndjsonGzip(patients(10, 'later')));
    assert.equal((await server.load(bucket)).state, 'completed');
    assert.deepEqual(await count(server, 'patient'), { rows: 111, ids: 111 });
  });
});

/**
 * Leaves a row of `patient` as a worker does that restarts in the middle of a commit: prepared there, and decided on the
 * coordinator, or, `byWorker`, on the other worker. Resolves once Citus cannot take it for one of a running transaction.
 */
async function prepareOnWorker(
  t: Closing,
  server: TestServer,
  { byWorker = false }: { byWorker?: boolean } = {},
): Promise<{ worker: string; shard: string }> {
  const id = 'prepared';
  const [place] = await server.sql<{ name: string; host: string; port: number; schema: string; groupid: number }>(
    `select shard_name(p.logicalrelid, s.shardid) as name, n.nodename as host, n.nodeport as port, n.groupid,
            current_schema() as schema
       from pg_dist_partition p
       join pg_dist_placement s on s.shardid = get_shard_id_for_distribution_column(p.logicalrelid, $1::text)
       join pg_dist_node n using (groupid)
      where p.logicalrelid = 'patient'::regclass`,
    [id],
  );
  assert.ok(place !== undefined);
  const [other] = await server.sql<{ groupid: number; host: string; port: number }>(
    'select groupid, nodename as host, nodeport as port from pg_dist_node where groupid not in (0, $1) limit 1',
    [place.groupid],
  );
  const decider = byWorker
    ? other
    : { groupid: 0, host: server.database.connection.host, port: server.database.connection.port };
  assert.ok(decider !== undefined, 'a second worker');
  const gid = `citus_${decider.groupid}_${process.pid}_${Math.floor(Math.random() * 1e9) + 1e9}_0`;
  // On its shard, as the coordinator writes to it.
  const worker = new pg.Client({ ...server.database.connection, host: place.host, port: place.port });
  await worker.connect();
  t.after(() => worker.end());
  await worker.query('begin');
  await worker.query(`insert into ${place.name} (id, txid, status, resource) values ($1, 1, 'created', '{}')`, [id]);
  await worker.query(`prepare transaction '${gid}'`);
  const client = new pg.Client({ ...server.database.connection, host: decider.host, port: decider.port });
  await client.connect();
  t.after(() => client.end());
  await client.query('insert into pg_dist_transaction (groupid, gid) values ($1, $2)', [place.groupid, gid]);
  return { worker: `${place.host}:${place.port}`, shard: place.name };
}
