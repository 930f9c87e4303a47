import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { LoaderService } from '../../src/load/loader-service.ts';
import type { WriteOptions } from '../../src/store/bucket-load/write-options.ts';
import { createPool } from '../../src/store/create-pool.ts';
import { AttemptRecovery } from '../../src/target/attempt-recovery.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { requestOf } from './request-of.ts';

/** For the database, its schema and the S3 endpoint; it loads nothing itself. */
const server = await startTestServer({ after });
const { bucketOf, sql } = server;

/** A replica whose loads never look by themselves: it gets on only by what it is told. */
const startReplica = async (t: TestContext) => {
  const log = pino({ level: 'silent' });
  const pool = createPool(server.database.connection, { max: 8, onIdleError: () => {} });
  const recovery = new AttemptRecovery(pool, log);
  const loader = new LoaderService({
    distributeTables: true,
    readCall: () => {
      throw new Error('no bucket is watched');
    },
    address: server.database.connection,
    dataAddresses: [],
    pool,
    buildPool: pool,
    log,
    recovery,
    maxLineBytes: 1_000_000,
    lineMemoryBytes: 100_000_000,
    loadableTypes: { named: [], everyTable: false },
    sources: { allowPrivateHosts: true, fileRoots: [] },
    shutdownGraceMs: 0,
    threads: 1,
    pollMs: 24 * 3_600_000,
  });
  t.after(async () => {
    await loader.close();
    await recovery.close();
    await pool.end();
  });
  return loader;
};

const { signal: never } = new AbortController();
const record = { caller: { via: 'api' }, params: {} } as const;
const { account: given } = server.s3;
const account = {
  region: given.region,
  endpoint: given.host,
  credentials: { accessKeyId: given['access-key-id'], secretAccessKey: given['secret-access-key'] },
};
const callFor = (bucket: string, write: Partial<WriteOptions> = {}) => {
  const { call: _, ...request } = requestOf({ bucket: `s3://${bucket}` });
  const timeouts = { connectTimeoutMs: 0, readTimeoutMs: 0 };
  const source = { kind: 's3', bucket, account, timeouts } as const;
  return { ...request, source, write: { ...request.write, ...write } };
};
const ended = (loader: LoaderService, bucket: string) =>
  waitFor(
    async () => {
      const status = await loader.queries.status(`s3://${bucket}`);
      return status.state !== 'in-progress' && status;
    },
    { what: 'the end of the load' },
  );

describe('a load that never polls', () => {
  test('is cancelled by another replica', async (t) => {
    const [here, there] = [await startReplica(t), await startReplica(t)];
    await server.load(await bucketOf({ 'Encounter.ndjson': '' }));
    const gate = await server.gate(t, 'encounter');
    const bucket = await bucketOf({ 'Encounter.ndjson': [{ id: 'cancelled' }] });
    await here.load(callFor(bucket), never, record);
    await gate.reached();
    await there.cancel(`s3://${bucket}`);
    assert.deepEqual((await ended(there, bucket)).progress, { total: 1, pending: 1 });
    await gate.open();
  });

  test('takes files that another replica has queued again', async (t) => {
    const [here, there] = [await startReplica(t), await startReplica(t)];
    await server.load(await bucketOf({ 'Goal.ndjson': '' }));
    const gate = await server.gate(t, 'goal');
    const bucket = await bucketOf({ 'Goal.ndjson': [{ id: 'g' }], 'Flag.ndjson': '{"resourceType":"Flag"}' });
    await here.load(callFor(bucket), never, record);
    await gate.reached();
    const failed = async () => (await here.queries.status(`s3://${bucket}`)).progress['error'] === 1;
    await waitFor(failed, { what: 'the failed file' });
    await sql(`update loaderfile set resource = resource - 'end' where resource ->> 'status' = 'error'`);
    assert.equal((await there.retry(`s3://${bucket}`, { prefixes: [], files: [], codes: [] })).retried, 1);
    const triedAgain = () => sql(`select from loaderfile where resource ->> 'status' = 'error' and resource ? 'end'`);
    await waitFor(async () => (await triedAgain()).length === 1, { what: 'another attempt' });
    await gate.open();
    assert.deepEqual((await ended(here, bucket)).progress, { total: 2, done: 1, error: 1 });
  });

  test('goes on when another bucket’s load has restored the key that it waits for', async (t) => {
    const [here, there] = [await startReplica(t), await startReplica(t)];
    await server.load(await bucketOf({ 'Device.ndjson': '' }));
    const gate = await server.gate(t, 'device');
    const dropping = await bucketOf({ 'Device-1.ndjson': [{ id: 'd1' }] });
    await here.load(callFor(dropping, { dropPrimaryKey: true }), never, record);
    await gate.reached();
    const waiting = await bucketOf({ 'Device-2.ndjson': [{ id: 'd2' }] });
    await there.load(callFor(waiting), never, record);
    const waits = async () => /device_pkey/.test((await there.queries.status(`s3://${waiting}`)).message ?? '');
    await waitFor(waits, { what: 'the wait for the key' });
    await gate.open();
    assert.deepEqual(await ended(there, waiting), { state: 'completed', progress: { total: 1, done: 1 } });
  });

  test('ends when another replica has loaded the last file of the bucket', async (t) => {
    const [here, there] = [await startReplica(t), await startReplica(t)];
    await server.load(await bucketOf({ 'Slot.ndjson': '' }));
    const gate = await server.gate(t, 'slot');
    const bucket = await bucketOf({ 'Slot.ndjson': [{ id: 's' }] });
    await here.load(callFor(bucket, { disableIndexes: true }), never, record);
    await gate.reached();
    await there.load(callFor(bucket, { disableIndexes: true }), never, record);
    await gate.open();
    assert.deepEqual(await ended(there, bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    assert.deepEqual(await ended(here, bucket), { state: 'completed', progress: { total: 1, done: 1 } });
  });
});
