import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

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
  // Every CREATE INDEX waits for the holder, as if the tables were huge.
  await sql(`
    create table builds ();
    create function hold_build() returns event_trigger language plpgsql as
      $$ begin lock table builds in share mode; end $$;
    create event trigger hold_builds on ddl_command_start when tag in ('CREATE INDEX') execute function hold_build()`);
  const holder = new pg.Client(server.database.connection);
  holder.on('error', () => {});
  await holder.connect();
  t.after(() => holder.end());
  await holder.query('begin; lock table builds in exclusive mode');

  const buckets: string[] = [];
  for (let first = 0; first < TYPES.length; first += TYPES_PER_BUCKET) {
    const types = TYPES.slice(first, first + TYPES_PER_BUCKET);
    buckets.push(await server.bucketOf(Object.fromEntries(types.map((type) => [`${type}.ndjson`, [{ id: 'x' }]]))));
  }
  for (const bucket of buckets) await server.startLoad(bucket, { 'disable-idx?': true });
  const done = `select count(*)::int as files from loaderfile where resource ->> 'status' = 'done'`;
  await waitFor(async () => (await sql<{ files: number }>(done))[0]?.files === 2 * TYPES.length, { what: 'the rows' });
  const held = `select from pg_locks where not granted and relation = 'builds'::regclass`;
  await waitFor(async () => (await sql(held)).length >= 4, { what: 'running builds' });

  for (let round = 0; round < 5; round++) {
    assert.equal((await fetch(`${server.url}/ready`)).status, 200);
    for (const bucket of buckets) {
      const { body } = await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
      assert.equal((body.result as { state: string }).state, 'in-progress');
    }
  }
  await holder.query('rollback');
  for (const bucket of buckets) assert.equal((await server.ended(bucket)).state, 'completed');
});
