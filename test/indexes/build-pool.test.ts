import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { holdBuilds } from './hold-builds.ts';

/** More tables than the server has quick connections. */
const TYPES = [
  'Patient',
  'Encounter',
  'Condition',
  'Procedure',
  'Observation',
  'Device',
  'Group',
  'Goal',
  'Task',
].concat(
  ['Immunization', 'Location', 'Organization', 'Practitioner', 'Medication', 'Media', 'Measure', 'Library', 'List'],
  ['Flag', 'Claim'],
);
const TYPES_PER_BUCKET = 4;

test('however many indexes are built, calls and statuses are answered meanwhile', async (t) => {
  const server = await startTestServer(t);
  const { sql } = server;
  await server.load(await server.bucketOf(Object.fromEntries(TYPES.map((type) => [`${type}.ndjson`, '']))));
  for (const type of TYPES) await sql(`create index ${type}_by_txid on "${type.toLowerCase()}" (txid)`);
  const builds = await holdBuilds(t, server);

  const buckets: string[] = [];
  for (let first = 0; first < TYPES.length; first += TYPES_PER_BUCKET) {
    const types = TYPES.slice(first, first + TYPES_PER_BUCKET);
    buckets.push(await server.bucketOf(Object.fromEntries(types.map((type) => [`${type}.ndjson`, [{ id: 'x' }]]))));
  }
  for (const bucket of buckets) await server.startLoad(bucket, { 'disable-idx?': true });
  const done = `select count(*)::int as files from loaderfile where resource ->> 'status' = 'done'`;
  await waitFor(async () => (await sql<{ files: number }>(done))[0]?.files === 2 * TYPES.length, { what: 'the rows' });
  await builds.reached(4);

  for (let round = 0; round < 5; round++) {
    assert.equal((await fetch(`${server.url}/ready`)).status, 200);
    for (const bucket of buckets) {
      const { body } = await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
      assert.equal((body.result as { state: string }).state, 'in-progress');
    }
  }
  await builds.open();
  for (const bucket of buckets) assert.equal((await server.ended(bucket)).state, 'completed');
});
