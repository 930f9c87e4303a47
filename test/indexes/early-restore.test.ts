import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { lockWaitsOn } from '../support/lock-waits.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { holdBuilds } from './hold-builds.ts';

const DROP = { 'disable-idx?': true, 'drop-primary-key?': true };

/** A server whose Patient has `plain` indexes besides its key, and whose files of Goal are held until the gate opens. */
async function startWithIndexes(t: TestContext, plain = 1) {
  const server = await startTestServer(t);
  await server.load(await server.bucketOf({ 'Patient.ndjson': '', 'Goal.ndjson': '' }));
  for (let n = 1; n <= plain; n++) await server.sql(`create index patient_plain_${n} on patient (ts)`);
  return { server, gate: await server.gate(t, 'goal'), before: await indexesOf(server) };
}

const indexesOf = async ({ sql }: TestServer) =>
  (
    await sql<{ name: string }>(
      `select indexrelid::regclass::text as name from pg_index where indrelid = 'patient'::regclass and indisvalid order by 1`,
    )
  ).map(({ name }) => name);

const disabledOf = async ({ sql }: TestServer) =>
  (
    await sql<{ what: string }>(
      `select concat_ws(' ', resource ->> 'indexname', resource ->> 'status', resource ->> 'message') as what
         from disabledindex where resource ->> 'tablename' = 'patient' order by 1`,
    )
  ).map(({ what }) => what);

const statusOf = async (server: TestServer, bucket: string) =>
  (await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` })).body.result;

const untilRestored = (server: TestServer, before: readonly string[]) =>
  waitFor(async () => (await indexesOf(server)).join() === before.join(), { what: 'the indexes' });

const untilDone = (server: TestServer, bucket: string, key: string) =>
  waitFor(async () => (await server.loaderFile(bucket, key)).status === 'done', { what: key });

test('the indexes of a table are back as soon as its last file is in, while files of other tables are loaded', async (t) => {
  const { server, gate, before } = await startWithIndexes(t);
  const bucket = await server.bucketOf({
    'Patient-1.ndjson': [{ id: 'a' }],
    'Patient-2.ndjson': '{"no":"id"}',
    'Goal.ndjson': [{ id: 'g' }],
  });
  await server.startLoad(bucket, DROP);
  await gate.reached();
  await untilRestored(server, before);
  assert.deepEqual(await disabledOf(server), ['patient_pkey restored', 'patient_plain_1 restored']);
  assert.deepEqual(await statusOf(server, bucket), {
    state: 'in-progress',
    progress: { total: 3, done: 1, error: 1, 'in-progress': 1 },
  });
  await gate.open();
  assert.equal((await server.ended(bucket)).state, 'completed');
  assert.equal((await disabledOf(server)).length, 2, 'dropped once');
});

test('several indexes of one table are built at the same time', async (t) => {
  const { server, before } = await startWithIndexes(t, 3);
  const builds = await holdBuilds(t, server);
  const bucket = await server.bucketOf({ 'Patient.ndjson': [{ id: 'a' }] });
  await server.startLoad(bucket, { 'disable-idx?': true });
  await builds.reached(3);
  await builds.open();
  assert.equal((await server.ended(bucket)).state, 'completed');
  assert.deepEqual(await indexesOf(server), before);
});

test('files that a later call brings, and failed ones that are retried, wait for the build and leave the indexes standing', async (t) => {
  const { server, gate, before } = await startWithIndexes(t);
  const builds = await holdBuilds(t, server);
  const bucket = await server.bucketOf({
    'Patient-1.ndjson': [{ id: 'a' }],
    'Patient-2.ndjson': '{"no":"id"}',
    'Goal.ndjson': [{ id: 'g' }],
  });
  await server.startLoad(bucket, DROP);
  await gate.reached();
  await builds.reached(1);
  await server.s3.putObject(bucket, 'Patient-3.ndjson', '{"id":"late"}\n');
  await server.startLoad(bucket, DROP);
  await server.rpc('aidbox.bulk/load-from-bucket-retry', { bucket: `s3://${bucket}` });
  await waitFor(
    async () =>
      /Waits until the indexes of Patient are restored\./.test(JSON.stringify(await statusOf(server, bucket))),
    { what: 'the wait of the late files' },
  );
  await builds.open();
  await untilDone(server, bucket, 'Patient-3.ndjson');
  assert.deepEqual(await indexesOf(server), before);
  await gate.open();
  assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 4, done: 3, error: 1 } });
  assert.equal((await disabledOf(server)).length, 2, 'dropped once');
  assert.deepEqual(await server.sql('select id from patient order by id'), [{ id: 'a' }, { id: 'late' }]);
});

test('of two replicas, the one whose file of the table ends last restores, while both load on', async (t) => {
  const { server, gate, before } = await startWithIndexes(t);
  const other = await startTestServer(t, { database: server.database, s3: server.s3 });
  const rows = await server.gate(t, 'patient');
  const bucket = await server.bucketOf({
    'Patient-1.ndjson': [{ id: 'a' }],
    'Patient-2.ndjson': [{ id: 'b' }],
    'Goal-1.ndjson': [{ id: 'g1' }],
    'Goal-2.ndjson': [{ id: 'g2' }],
  });
  await server.startLoad(bucket, { ...DROP, prefixes: ['Patient-1', 'Goal-1'] });
  await other.startLoad(bucket, { ...DROP, prefixes: ['Patient-2', 'Goal-2'] });
  const held = lockWaitsOn('gate_of_patient');
  await waitFor(async () => (await server.sql(held)).length === 2, { what: 'a file on each' });
  assert.deepEqual(await indexesOf(server), []);
  await rows.open();
  await gate.reached();
  await untilRestored(server, before);
  assert.equal((await server.loaderFile(bucket, 'Goal-1.ndjson')).status, 'in-progress');
  await gate.open();
  for (const replica of [server, other]) {
    assert.deepEqual(await replica.ended(bucket), { state: 'completed', progress: { total: 4, done: 4 } });
  }
  assert.deepEqual(await disabledOf(server), ['patient_pkey restored', 'patient_plain_1 restored']);
});

test('a replica that dies when all files of a table are in, and one that still loads others: the latter restores', async (t) => {
  const { server, gate, before } = await startWithIndexes(t);
  const doomed = await startTestServer(t, { database: server.database, s3: server.s3 });
  const builds = await holdBuilds(t, server);
  const bucket = await server.bucketOf({ 'Patient.ndjson': [{ id: 'a' }], 'Goal.ndjson': [{ id: 'g' }] });
  await doomed.startLoad(bucket, DROP);
  await builds.reached(1);
  await gate.reached();
  await server.startLoad(bucket, DROP);
  await doomed.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and query ~* 'create (unique )?index'`,
  );
  await doomed.stop();
  await builds.open();
  await gate.open();
  assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
  assert.deepEqual(await indexesOf(server), before);
  assert.deepEqual(await disabledOf(server), ['patient_pkey restored', 'patient_plain_1 restored']);
});

test('a cancel leaves the build alone; the load ends when it is done', async (t) => {
  const { server, gate, before } = await startWithIndexes(t);
  const builds = await holdBuilds(t, server);
  const bucket = await server.bucketOf({ 'Patient.ndjson': [{ id: 'a' }], 'Goal.ndjson': [{ id: 'g' }] });
  await server.startLoad(bucket, DROP);
  await builds.reached(1);
  await gate.reached();
  await server.rpc('aidbox.bulk/load-from-bucket-cancel', { bucket: `s3://${bucket}` });
  await waitFor(async () => (await server.loaderFile(bucket, 'Goal.ndjson')).status === 'pending', {
    what: 'the cancel',
  });
  assert.match(JSON.stringify(await statusOf(server, bucket)), /in-progress/);
  await builds.open();
  assert.deepEqual(await server.ended(bucket), {
    state: 'interrupted',
    progress: { total: 2, done: 1, pending: 1 },
  });
  assert.deepEqual(await indexesOf(server), before);
});

test('a server that is shut down in the middle of a build gives it up, and the next call restores', async (t) => {
  const { server, gate, before } = await startWithIndexes(t);
  const builds = await holdBuilds(t, server);
  const bucket = await server.bucketOf({ 'Patient.ndjson': [{ id: 'a' }], 'Goal.ndjson': [{ id: 'g' }] });
  await server.startLoad(bucket, DROP);
  await builds.reached(1);
  await gate.reached();
  await server.stop();
  await builds.open();
  await gate.open();
  const next = await startTestServer(t, { database: server.database, s3: server.s3 });
  assert.match(JSON.stringify(await statusOf(next, bucket)), /"interrupted".*patient_plain_1 is not restored yet/);
  assert.equal((await next.load(bucket, DROP)).state, 'completed');
  assert.deepEqual(await indexesOf(next), before);
});

test('a build goes on when its load’s session is lost; who takes the table over waits for it, and builds nothing twice', async (t) => {
  const { server, gate, before } = await startWithIndexes(t);
  const other = await startTestServer(t, { database: server.database, s3: server.s3 });
  const builds = await holdBuilds(t, server);
  const bucket = await server.bucketOf({ 'Patient.ndjson': [{ id: 'a' }], 'Goal.ndjson': [{ id: 'g' }] });
  await server.startLoad(bucket, { 'disable-idx?': true });
  await builds.reached(1);
  await gate.reached();
  await server.sql(
    `select pg_terminate_backend(l.pid) from pg_locks l
      where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.granted
        and l.database = (select oid from pg_database where datname = current_database())
        and not exists (select from pg_locks b where b.pid = l.pid and b.relation = 'builds'::regclass)`,
  );
  const second = await other.bucketOf({ 'Patient-2.ndjson': [{ id: 'b' }] });
  await other.startLoad(second);
  const waits = `select from pg_locks where locktype = 'advisory' and not granted
                    and database = (select oid from pg_database where datname = current_database())`;
  await waitFor(async () => (await server.sql(waits)).length > 0, { what: 'who takes over' });
  await builds.open();
  assert.equal((await other.ended(second)).state, 'completed');
  await gate.open();
  assert.equal((await server.ended(bucket)).state, 'completed');
  assert.deepEqual(await indexesOf(server), before);
  assert.deepEqual(await disabledOf(server), ['patient_plain_1 restored']);
});

test('an index that rows contradict is tried once, told, and keeps no file from being loaded', async (t) => {
  const { server, gate } = await startWithIndexes(t);
  const bucket = await server.bucketOf({
    'Patient.ndjson': [{ id: 'dup', first: true }, { id: 'dup' }],
    'Goal.ndjson': [{ id: 'g' }],
  });
  await server.startLoad(bucket, DROP);
  await gate.reached();
  await waitFor(async () => (await indexesOf(server)).length === 1, { what: 'the other index' });
  await waitFor(async () => /patient_pkey disabled .*23505/.test((await disabledOf(server)).join()), { what: 'why' });
  // It would succeed now; what a load has tried once, the next call tries again.
  await server.sql(`delete from patient where resource ? 'first'`);
  await gate.open();
  const status = await server.ended(bucket);
  assert.deepEqual(status.progress, { total: 2, done: 2 });
  assert.match(status.message ?? '', /patient_pkey could not be restored: 23505/);
  assert.equal((await server.load(bucket)).state, 'completed');
});
