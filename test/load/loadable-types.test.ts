import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { ConfigError } from '../../src/errors/start-error.ts';
import { ACCESS_TYPES, isLoadable, parseLoadableTypes } from '../../src/fhir/loadable-types.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

/** A table as Aidbox makes it for a type of its own. */
async function aidboxTable({ sql }: TestServer, type: string): Promise<void> {
  await sql(`create table "${type.toLowerCase()}" (id text primary key, txid bigint not null,
    ts timestamptz default current_timestamp, cts timestamptz default current_timestamp,
    resource_type text default '${type}', status resource_status not null, resource jsonb not null)`);
}

const FILES = {
  'AccessPolicy.ndjson': [{ id: 'everything', engine: 'allow' }],
  'iam/client.ndjson.gz': [{ id: 'mine', secret: 'known' }],
  'User.ndjson': [{ id: 'me' }],
  'PizzaOrder.ndjson': [{ id: 'first' }],
  'Patient.ndjson': [{ id: 'pt' }],
};
const TYPES = ['AccessPolicy', 'Client', 'User', 'PizzaOrder'];

async function loadInto(server: TestServer): Promise<{ message: string; rows: Record<string, number> }> {
  for (const type of TYPES) await aidboxTable(server, type);
  const bucket = await server.bucketOf(FILES);
  const { body } = await server.startLoad(bucket);
  await server.ended(bucket);
  const rows: Record<string, number> = {};
  for (const type of [...TYPES, 'Patient']) {
    const [count] = await server.sql<{ n: number }>(`select count(*)::int as n from "${type.toLowerCase()}"`);
    rows[type] = count?.n ?? 0;
  }
  return { message: (body.result as { message: string }).message, rows };
}

describe('who may write to the bucket', () => {
  test('writes into none of Aidbox’s own types, and the answer names the files', async (t) => {
    const server = await startTestServer(t);
    const { message, rows } = await loadInto(server);
    assert.deepEqual(rows, { AccessPolicy: 0, Client: 0, User: 0, PizzaOrder: 0, Patient: 1 });
    assert.match(message, /1 new files added\./);
    assert.match(message, /4 files ignored, since the server's LOADER_RESOURCE_TYPES does not name their types: /);
    for (const key of ['AccessPolicy.ndjson', 'iam/client.ndjson.gz', 'User.ndjson', 'PizzaOrder.ndjson'])
      assert.ok(message.includes(key), key);
    assert.doesNotMatch(message, /Patient/);
  });

  test('with * into those that have a table, but not into those that grant access', async (t) => {
    const server = await startTestServer(t, { env: { LOADER_RESOURCE_TYPES: '*' } });
    const { message, rows } = await loadInto(server);
    assert.deepEqual(rows, { AccessPolicy: 0, Client: 0, User: 0, PizzaOrder: 1, Patient: 1 });
    assert.match(message, /3 files ignored, since/);
  });

  test('into one that grants access only when it is named', async (t) => {
    const server = await startTestServer(t, { env: { LOADER_RESOURCE_TYPES: 'User, PizzaOrder' } });
    const { rows } = await loadInto(server);
    assert.deepEqual(rows, { AccessPolicy: 0, Client: 0, User: 1, PizzaOrder: 1, Patient: 1 });
  });

  test('not by a file that is in the queue already, Aidbox’s or that of a server with other settings', async (t) => {
    const server = await startTestServer(t);
    await aidboxTable(server, 'AccessPolicy');
    const bucket = await server.bucketOf({ 'policy.ndjson': [{ id: 'everything' }] });
    await server.sql(
      `insert into loaderfile (id, txid, resource_type, status, resource)
       values ('queued', 1, 'LoaderFile', 'created', jsonb_build_object('bucket', $1::text, 'file', 'policy.ndjson',
         'type', 'AccessPolicy', 'size', 20, 'status', 'pending'))`,
      [`s3://${bucket}`],
    );
    await server.load(bucket);
    assert.deepEqual(await server.sql('select id from accesspolicy'), []);
    const { status, error, message } = await server.loaderFile(bucket, 'policy.ndjson');
    assert.equal(status, 'error');
    assert.deepEqual(error, { source: 'aidbox', code: 'type-not-loadable' });
    assert.match(message ?? '', /AccessPolicy .*LOADER_RESOURCE_TYPES/);
  });
});

describe('LOADER_RESOURCE_TYPES', () => {
  test('names types, in any case', () => {
    const rules = parseLoadableTypes(' PizzaOrder,,client ');
    assert.deepEqual(
      ['Patient', 'pizzaorder', 'Client', 'User', 'SoupBowl', 'LoaderFile'].filter((type) => isLoadable(type, rules)),
      ['Patient', 'pizzaorder', 'Client'],
    );
  });

  for (const wrong of ['Pizza Order', 'User;Client', 'LoaderFile', 'loadererror', 'patient_history', '**'])
    test(`${wrong} is refused by name`, () => {
      assert.throws(
        () => readConfig({ LOADER_RESOURCE_TYPES: wrong }),
        (error) => error instanceof ConfigError && error.message.includes(wrong),
      );
    });
});

test('the guide names every type that grants access', async () => {
  const guide = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8');
  for (const type of ACCESS_TYPES) assert.ok(guide.includes(`\`${type}\``), type);
});
