import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { lastFirst } from '../support/last-first.ts';
import { lockWaitsOn } from '../support/lock-waits.ts';
import { patients } from '../support/ndjson.ts';
import { onTestServer } from '../support/on-test-server.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const THREAD_NUM = 4;
const METHOD = 'fhir-bucket-loader/watch';

/** Too large for a batch: each takes a slot, and so a connection. */
const files = (count: number, prefix: string) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `Patient-${n}.ndjson`,
      patients(3, `${prefix}-${n}`).map((each) => ({ ...each, text: 'x'.repeat(30_000) })),
    ]),
  );

/** A server whose role may have so many connections, besides those of the test, once `limit` is called. */
async function startLimited(t: TestContext) {
  const parts = lastFirst(t);
  const own = await asOwnRole(parts, await createTestDatabase(parts));
  const server = await startTestServer(parts, { database: own });
  await server.load(await server.bucketOf({ 'Patient.ndjson': '' }));
  const limit = async (connections: number, ofTheTest: number) => {
    await onTestServer(`alter role ${own.connection.user} connection limit ${connections + ofTheTest}`);
    // Whatever is open is opened anew, within the limit.
    await server.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and application_name <> ''`,
    );
  };
  return { server, limit };
}

/** Watches a bucket whose first listing is done. */
async function watchBucket(server: TestServer): Promise<string> {
  const bucket = await server.bucketOf({ 'Patient-first.ndjson': [{ id: 'first' }] });
  const { status } = await server.rpc(METHOD, { bucket: `s3://${bucket}`, account: server.s3.account, every: '1s' });
  assert.equal(status, 200);
  await server.ended(bucket);
  return bucket;
}

/** As docs/operations.md has it. */
describe('connections that a role is limited to', () => {
  test('thread-num + 4, and one more for the watch: all slots are in use', async (t) => {
    const { server, limit } = await startLimited(t);
    await watchBucket(server);
    // Of the test: the one that asks, and the gate.
    const { open } = await server.gate(t, 'patient');
    await limit(THREAD_NUM + 5, 2);
    const bucket = await server.bucketOf(files(2 * THREAD_NUM, 'slots'));
    await waitFor(async () => (await server.startLoad(bucket, { 'thread-num': THREAD_NUM })).status === 200, {
      what: 'connections made anew',
    });
    const held = lockWaitsOn('gate_of_patient');
    await waitFor(async () => (await server.sql(held)).length === THREAD_NUM, { what: 'as many files as slots' });
    await open();
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 8, done: 8 } });
  });

  test('5, with a watch: a load and the watch both go on', async (t) => {
    const { server, limit } = await startLimited(t);
    const watched = await watchBucket(server);
    await limit(5, 1);
    const bucket = await server.bucketOf(files(20, 'few'));
    await waitFor(async () => (await server.startLoad(bucket, { 'thread-num': THREAD_NUM })).status === 200, {
      what: 'connections made anew',
    });
    await server.s3.putObject(watched, 'Patient-second.ndjson', '{"id":"second"}');
    const doneOf = async (of: string) =>
      (
        await server.sql(`select from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done'`, [
          `s3://${of}`,
        ])
      ).length;
    await waitFor(async () => (await doneOf(bucket)) === 20 && (await doneOf(watched)) === 2, {
      what: 'the end of both loads',
    });
    assert.equal((await server.sql('select from patient')).length, 62);
  });
});
