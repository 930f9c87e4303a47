import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { addLoaderFiles } from '../../src/db/loader-file/add-loader-files.ts';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const { sql, load, bucketOf, startLoad, ended } = server;

/** How many of a bucket's files have a status. */
const filesOf = async (bucket: string, status: string) =>
  (
    await sql(`select from loaderfile where resource ->> 'bucket' = $1 and resource ->> 'status' = $2`, [
      `s3://${bucket}`,
      status,
    ])
  ).length;

describe('while one file takes long', () => {
  test('a further call leaves no thread idle', async (t) => {
    await load(await bucketOf({ 'Observation.ndjson': '', 'Patient.ndjson': '' }));
    const long = await server.gate(t, 'observation');
    const short = await server.gate(t, 'patient');
    const bucket = await bucketOf({
      // The largest is the first to be begun.
      'Observation-long.ndjson': patients(50, 'o').map((row) => ({ ...row, resourceType: 'Observation' })),
      'Patient-1.ndjson': [{ id: '1' }],
      'Patient-2.ndjson': [{ id: '2' }],
      'Patient-3.ndjson': [{ id: '3' }],
    });
    await startLoad(bucket, { 'thread-num': 2 });
    await waitFor(async () => (await filesOf(bucket, 'in-progress')) === 2, { what: 'both threads at work' });
    await startLoad(bucket, { 'thread-num': 2 });
    await short.open();
    await waitFor(async () => (await filesOf(bucket, 'done')) === 3, { what: 'the short files' });
    assert.equal(await filesOf(bucket, 'in-progress'), 1);
    await long.open();
    assert.deepEqual(await ended(bucket), { state: 'completed', progress: { total: 4, done: 4 } });
  });

  test('a further call’s files and threads are put to work', async (t) => {
    await load(await bucketOf({ 'Encounter.ndjson': '' }));
    const long = await server.gate(t, 'encounter');
    const bucket = await bucketOf({ 'Encounter.ndjson': [{ id: 'long' }] });
    await startLoad(bucket, { 'thread-num': 1 });
    await long.reached();
    await server.s3.putObject(bucket, 'Goal-1.ndjson', '{"id":"new"}');
    await startLoad(bucket, { 'thread-num': 2 });
    await waitFor(async () => (await filesOf(bucket, 'done')) === 1, { what: 'the new file' });
    await long.open();
    assert.equal((await ended(bucket)).state, 'completed');
  });

  test('what another replica has queued and does not load is taken by a thread that has nothing to do', async (t) => {
    await load(await bucketOf({ 'Encounter.ndjson': '', 'Goal.ndjson': '' }));
    const long = await server.gate(t, 'encounter');
    const bucket = await bucketOf({ 'Encounter.ndjson': [{ id: 'longer' }] });
    await startLoad(bucket, { 'thread-num': 2 });
    await long.reached();
    const content = '{"id":"queued"}';
    await server.s3.putObject(bucket, 'Goal-2.ndjson', content);
    const etag = `"${createHash('md5').update(content).digest('hex')}"`;
    const client = new pg.Client(server.database.connection);
    await client.connect();
    const object = { key: 'Goal-2.ndjson', size: content.length, etag, lastModified: new Date() };
    await addLoaderFiles(client, `s3://${bucket}`, [{ ...object, type: 'Goal' }]);
    await client.end();
    await waitFor(async () => (await filesOf(bucket, 'done')) === 1, { what: 'the queued file' });
    await long.open();
    assert.equal((await ended(bucket)).state, 'completed');
  });
});
