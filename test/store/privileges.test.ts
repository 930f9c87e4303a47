import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { AIDBOX_SCHEMA } from '../support/aidbox-schema.ts';
import { lastFirst } from '../support/last-first.ts';
import { patients } from '../support/ndjson.ts';
import { onTestServer } from '../support/on-test-server.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { urlFromConnection } from '../support/test-server-address.ts';

const OPERATIONS = new URL('../../docs/operations.md', import.meta.url);

/** The grants that the guide has, for another database and another role. */
async function documentedGrants(database: string, role: string): Promise<string> {
  const [, grants] = /```sql\n(grant [\s\S]*?)```/.exec(await readFile(OPERATIONS, 'utf8')) ?? [];
  assert.ok(grants !== undefined, 'docs/operations.md has no grants');
  return grants.replaceAll('database fhir', `database ${database}`).replaceAll('to loader', `to ${role}`);
}

describe('a role with what docs/operations.md grants, and nothing from PUBLIC, on a database with Aidbox’s tables', () => {
  let server: TestServer;
  const parts = lastFirst({ after });

  before(async () => {
    const role = `role_${randomBytes(6).toString('hex')}`;
    await onTestServer(`create role ${role} login password 'secret-${role}'`);
    // Once the database is gone, in which it has rights.
    parts.after(() => onTestServer(`drop role ${role}`));
    const { connection } = await createTestDatabase(parts);
    const { database } = connection;
    const owner = new pg.Client(connection);
    await owner.connect();
    await owner.query(AIDBOX_SCHEMA);
    await owner.query(`revoke all on database ${database} from public; revoke all on schema public from public`);
    await owner.query(await documentedGrants(database, role));
    await owner.end();
    const own = { ...connection, user: role, password: `secret-${role}` };
    server = await startTestServer(parts, { database: { connection: own, url: urlFromConnection(own) } });
  });

  test('loads into a table that exists and into one that does not', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson': patients(3, 'new'), 'Basic.ndjson': [{ id: 'b' }] });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
  });

  test('resolves references', async () => {
    const bucket = await server.bucketOf({
      'Practitioner.ndjson': [{ id: 'dr', identifier: [{ system: 's', value: '1' }] }],
      'Basic.ndjson': [{ id: 'refers', author: { reference: 'Practitioner?identifier=s|1' } }],
    });
    assert.deepEqual(await server.load(bucket, { 'resolve-references?': true }), {
      state: 'completed',
      progress: { total: 2, done: 2 },
    });
    const [row] = await server.sql(`select resource #>> '{author,id}' as author from basic where id = 'refers'`);
    assert.deepEqual(row, { author: 'dr' });
  });

  test('upserts, leaves out bad lines, retries and deletes', async () => {
    // Other than what is there: the same would be left as it is.
    const changed = patients(3, 'new').map((patient) => ({ ...patient, active: false }));
    const bucket = await server.bucketOf({ 'Patient.ndjson': [...changed, { id: 'p' }, { id: 1 }] });
    const params = { 'upsert?': true, 'max-errors': 1 };
    const { message: _, ...ended } = await server.load(bucket, params);
    assert.deepEqual(ended, { state: 'completed', progress: { total: 1, done: 1 }, 'lines-left-out': 1 });
    assert.deepEqual(await server.sql(`select id, status from patient where status = 'updated' order by id`), [
      ...[1, 2, 3].map((n) => ({ id: `new-${n}`, status: 'updated' })),
      { id: 'p', status: 'updated' },
    ]);
    const { status } = await fetch(`${server.url}/LoaderFile?bucket=s3://${bucket}`, { method: 'DELETE' });
    assert.equal(status, 200);
  });
});
