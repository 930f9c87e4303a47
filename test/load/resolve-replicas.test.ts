import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, describe, test } from 'node:test';
import { LastFirst } from '../support/last-first.ts';
import { ServerProcess } from '../support/server-process.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const LOAD_MS = 60_000;
/** It loads nothing: the replicas are processes that can be killed. */
const server = await startTestServer({ after });
const replicas: ServerProcess[] = [];
const parts = new LastFirst();
afterEach(async () => {
  await parts.close();
  replicas.length = 0;
});
const startReplicas = async (count: number) => {
  const start = () => ServerProcess.start(parts, { databaseUrl: server.database.url, env: { LOADER_THREADS: '1' } });
  replicas.push(...(await Promise.all(Array.from({ length: count }, start))));
};
const call = async (replica: ServerProcess | undefined, bucket: string, params: object = {}) => {
  const answer = await replica?.rpc('load-from-bucket', {
    bucket: `s3://${bucket}`,
    account: server.s3.account,
    'thread-num': 2,
    'resolve-references?': true,
    ...params,
  });
  assert.equal(answer?.status, 200, JSON.stringify(answer?.body));
};
const ended = async (replica: ServerProcess | undefined, bucket: string) => {
  assert.ok(replica);
  return await replica.ended(bucket, LOAD_MS);
};
const inProgress = (bucket: string, type: string) =>
  server.sql(
    `select from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'type' = $2 and resource ->> 'status' = 'in-progress'`,
    [`s3://${bucket}`, type],
  );

const DOCTORS = 40;
const VISITS = 400;
/** Three files of practitioners and four of visits, whose ids and identifiers are of this bucket alone. */
const bucketOf = async (mark: string, padding = 0) => {
  const doctors = Array.from({ length: DOCTORS }, (_, n) => ({
    id: `${mark}-d${n}`,
    identifier: [{ system: 's', value: `${mark}-${n}` }],
  }));
  const visits = Array.from({ length: VISITS }, (_, n) => ({
    id: `${mark}-v${n}`,
    participant: [{ individual: { reference: `Practitioner?identifier=s|${mark}-${n % (DOCTORS + 1)}` } }],
    ...(padding === 0 ? {} : { note: randomBytes(padding).toString('base64') }),
  }));
  const part = (n: number) => visits.slice((n * VISITS) / 4, ((n + 1) * VISITS) / 4);
  return await server.bucketOf({
    'Practitioner-1.ndjson.gz': doctors.slice(0, 10),
    'Practitioner-2.ndjson.gz': doctors.slice(10, 20),
    'Practitioner-3.ndjson.gz': doctors.slice(20),
    ...Object.fromEntries([0, 1, 2, 3].map((n) => [`Encounter-${n}.ndjson.gz`, part(n)])),
  });
};
const MISSING = Math.floor(VISITS / (DOCTORS + 1));
/** Every visit is there once; all that can be resolved are, to the right one; the LoaderFiles count both. */
const check = async (bucket: string, mark: string) => {
  const [rows] = await server.sql(
    `select count(*)::int as visits,
            count(*) filter (where resource #>> '{participant,0,individual,id}' = $1 || '-d' || (n % ${DOCTORS + 1}))::int as resolved,
            count(*) filter (where resource #>> '{participant,0,individual,uri}' is not null)::int as open
       from encounter, lateral (select substring(id from 'v([0-9]*)$')::int as n) each
      where starts_with(id, $1 || '-')`,
    [mark],
  );
  assert.deepEqual(rows, { visits: VISITS, resolved: VISITS - MISSING, open: MISSING });
  const [counts] = await server.sql(
    `select sum((resource #>> '{references,resolved}')::int)::int as resolved,
            sum((resource #>> '{references,unresolved,Practitioner}')::int)::int as open
       from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'type' = 'Encounter'`,
    [`s3://${bucket}`],
  );
  assert.deepEqual(counts, { resolved: VISITS - MISSING, open: MISSING });
  assert.deepEqual(await server.sql('select from fhir_bucket_loader.identifier'), []);
};

describe('references and replicas', () => {
  test('no replica begins a visit while another one loads practitioners; killed, its files are loaded by the other', async (t) => {
    await server.load(await server.bucketOf({ 'Practitioner.ndjson': [{ id: 'any' }] }));
    await startReplicas(2);
    const bucket = await bucketOf('a');
    const gate = await server.gate(t, 'practitioner');
    await call(replicas[0], bucket);
    await waitFor(async () => (await inProgress(bucket, 'Practitioner')).length === 2, {
      what: 'both files at the first',
    });
    await call(replicas[1], bucket);
    // It has a slot left, and no file that it may begin.
    await waitFor(async () => (await inProgress(bucket, 'Practitioner')).length === 3, {
      what: 'a file at the second',
    });
    await call(replicas[1], bucket);
    assert.deepEqual(await inProgress(bucket, 'Encounter'), []);
    await replicas[0]?.kill();
    await gate.open();
    assert.equal((await ended(replicas[1], bucket)).state, 'completed');
    await check(bucket, 'a');
  });

  test('killed in the midst of the visits: the other one loads them with the same counts', async (t) => {
    await server.load(await server.bucketOf({ 'Encounter.ndjson': [{ id: 'any' }] }));
    await startReplicas(2);
    const bucket = await bucketOf('b');
    const gate = await server.gate(t, 'encounter');
    await call(replicas[0], bucket);
    await waitFor(async () => (await inProgress(bucket, 'Encounter')).length === 2, { what: 'two files at the first' });
    await gate.reached();
    await replicas[0]?.kill();
    await call(replicas[1], bucket);
    await gate.open();
    assert.equal((await ended(replicas[1], bucket)).state, 'completed');
    await check(bucket, 'b');
  });

  test('alone, killed, and started anew: the next call goes on', async (t) => {
    await startReplicas(1);
    const bucket = await bucketOf('c');
    const gate = await server.gate(t, 'encounter');
    await call(replicas[0], bucket);
    await gate.reached();
    await replicas[0]?.kill();
    await gate.open();
    await startReplicas(1);
    await call(replicas[1], bucket);
    assert.equal((await ended(replicas[1], bucket)).state, 'completed');
    await check(bucket, 'c');
  });

  test('what replicas that died have left behind is deleted when a server starts', async (t) => {
    await startReplicas(1);
    const bucket = await bucketOf('e');
    const gate = await server.gate(t, 'encounter');
    await call(replicas[0], bucket);
    await gate.reached();
    const copies = () => server.sql('select from fhir_bucket_loader.identifier_fill');
    assert.equal((await copies()).length, 1);
    await startReplicas(1);
    assert.equal((await copies()).length, 1, 'the load goes on');
    await replicas[0]?.kill();
    await gate.open();
    assert.equal((await ended(replicas[1], bucket)).state, 'interrupted');
    await startReplicas(1);
    assert.deepEqual(await copies(), []);
  });

  test('large files that are split across several backends count what they have resolved', async () => {
    await startReplicas(2);
    const bucket = await bucketOf('d', 60_000);
    await Promise.all(replicas.map((replica) => call(replica, bucket, { 'thread-num': 3 })));
    assert.equal((await ended(replicas[0], bucket)).state, 'completed');
    const [row] = await server.sql<{ transactions: number; files: number }>(
      `select count(distinct xmin::text)::int as transactions, count(distinct txid)::int as files from encounter where starts_with(id, 'd-')`,
    );
    assert.ok(row !== undefined && row.transactions > row.files, 'no file was split');
    await check(bucket, 'd');
  });
});
