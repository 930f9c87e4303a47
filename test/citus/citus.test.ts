import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { connectClient } from '../../src/store/connection-options.ts';
import { readTableSize } from '../../src/store/table-size.ts';
import { createCitusDatabase, NEEDS_CITUS } from '../support/citus-database.ts';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { type Closing, startTestServer, type TestServer } from '../support/test-server.ts';
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
 * coordinator. Resolves once Citus cannot take it for one of a running transaction.
 */
async function prepareOnWorker(t: Closing, server: TestServer): Promise<{ worker: string; shard: string }> {
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
  const gid = `citus_0_${process.pid}_${Math.floor(Math.random() * 1e9) + 1e9}_0`;
  // On its shard, as the coordinator writes to it.
  const worker = new pg.Client({ ...server.database.connection, host: place.host, port: place.port });
  await worker.connect();
  t.after(() => worker.end());
  await worker.query('begin');
  await worker.query(`insert into ${place.name} (id, txid, status, resource) values ($1, 1, 'created', '{}')`, [id]);
  await worker.query(`prepare transaction '${gid}'`);
  await server.sql('insert into pg_dist_transaction (groupid, gid) values ($1, $2)', [place.groupid, gid]);
  await waitFor(async () => (await server.sql('select from pg_dist_transaction where gid = $1', [gid])).length === 1, {
    what: 'the decision',
  });
  return { worker: `${place.host}:${place.port}`, shard: place.name };
}
