import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { connectClient } from '../../src/store/connection-options.ts';
import { addLoaderFiles } from '../../src/store/loader-file/add-loader-files.ts';
import { patients } from '../support/ndjson.ts';
import { onTestServer } from '../support/on-test-server.ts';
import { createMigratedDatabase } from '../support/test-database.ts';
import { startTestServer } from '../support/test-server.ts';
import { testServerConnection } from '../support/test-server-address.ts';

async function withClient<T>(connection: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A database whose sessions begin with these settings. */
async function databaseWith(t: TestContext, settings: Readonly<Record<string, string>>) {
  // Closed in this order: the server, the database.
  const closing: (() => void | Promise<void>)[] = [];
  t.after(async () => {
    for (const close of closing) await close();
  });
  const database = await createMigratedDatabase({ after: (drop) => closing.push(drop) });
  const name = pg.escapeIdentifier(database.connection.database);
  for (const [setting, value] of Object.entries(settings)) {
    await onTestServer(`alter database ${name} set ${setting} = ${pg.escapeLiteral(value)}`);
  }
  return { database, serve: () => startTestServer({ after: (close) => closing.unshift(close) }, { database }) };
}

for (const isolation of ['serializable', 'repeatable read']) {
  test(`a database whose transactions are ${isolation} by default: no file of a load ends another one`, async (t) => {
    const { serve } = await databaseWith(t, { default_transaction_isolation: isolation });
    const server = await serve();
    const files = Array.from({ length: 12 }, (_, n) => {
      const resources = [...patients(300, `file-${n}`), ...patients(300, 'shared').map((each) => ({ ...each, n }))];
      return [`Patient-${n}.ndjson.gz`, resources] as const;
    });
    const bucket = await server.bucketOf(Object.fromEntries(files));
    const status = await server.load(bucket, { 'upsert?': true, 'history?': true });
    assert.deepEqual(status, { state: 'completed', progress: { total: 12, done: 12 } });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.doesNotMatch(metrics, /code="40001"\} [1-9]/);
  });
}

test('a session has the loader’s settings whatever the database says, and none that the server does not know', async (t) => {
  const { database } = await databaseWith(t, { tcp_user_timeout: '1', client_connection_check_interval: '0' });
  const client = await connectClient(database.connection, { toastCompression: 'lz4' });
  try {
    const { rows } = await client.query(
      `select current_setting('tcp_user_timeout') as silence, current_setting('client_connection_check_interval') as look,
              current_setting('citus.max_cached_conns_per_worker', true) as citus,
              (select setting = case when 'lz4' = any (enumvals) then 'lz4' else 'pglz' end
                 from pg_settings where name = 'default_toast_compression') as compresses`,
    );
    // A Unix socket, by which it may be connected, has no such timeout.
    assert.match(rows[0].silence, /^(1min|0)$/);
    assert.deepEqual(rows, [{ silence: rows[0].silence, look: '10s', citus: null, compresses: true }]);
  } finally {
    await client.end();
  }
});

test('no timeout of a database ends what a session does, and its defaults change no meaning', async (t) => {
  const timeouts = {
    statement_timeout: '600000',
    idle_in_transaction_session_timeout: '600000',
    idle_session_timeout: '600000',
    transaction_timeout: '600000',
    lock_timeout: '600000',
  };
  const { rows: known } = await withClient(testServerConnection(), (client) =>
    client.query<{ name: keyof typeof timeouts }>('select name from pg_settings where name = any ($1)', [
      Object.keys(timeouts),
    ]),
  );
  const given = Object.fromEntries(known.map(({ name }) => [name, timeouts[name]]));
  const meanings = {
    quote_all_identifiers: ['on', 'off'],
    default_transaction_isolation: ['serializable', 'read committed'],
    array_nulls: ['off', 'on'],
    extra_float_digits: ['-15', '1'],
    client_min_messages: ['debug1', 'warning'],
  } as const;
  const theirs = Object.fromEntries(Object.entries(meanings).map(([name, [value]]) => [name, value]));
  const { database } = await databaseWith(t, { ...given, ...theirs });
  const wanted = {
    ...Object.fromEntries(Object.keys(given).map((name) => [name, '0'])),
    ...Object.fromEntries(Object.entries(meanings).map(([name, [, value]]) => [name, value])),
  };
  const client = await connectClient(database.connection);
  try {
    const { rows } = await client.query<{ name: string; value: string }>(
      'select name, current_setting(name) as value from unnest($1::text[]) as name',
      [Object.keys(wanted)],
    );
    assert.deepEqual(Object.fromEntries(rows.map(({ name, value }) => [name, value])), wanted);
  } finally {
    await client.end();
  }
});

test('a database that writes few digits of floats: a load begins and marks its fingerprints', async (t) => {
  const { serve } = await databaseWith(t, { extra_float_digits: '-15' });
  const server = await serve();
  const bucket = await server.bucketOf({ 'Patient.ndjson': patients(10, 'digits') });
  await server.load(bucket, { 'upsert?': true });
  const again = await server.bucketOf({ 'Patient.ndjson': patients(10, 'digits') });
  await server.load(again, { 'upsert?': true });
  assert.equal((await server.loaderFile(again, 'Patient.ndjson')).unchanged, 10);
});

test('a database that reads NULL in an array as a word: a file without an ETag gets none', async (t) => {
  const { database } = await databaseWith(t, { array_nulls: 'off' });
  const client = await connectClient(database.connection);
  try {
    await addLoaderFiles(client, 'no-etag', [{ key: 'Patient.ndjson', type: 'Patient', size: 1 }]);
    const { rows } = await client.query<{ names: string[] }>(
      'select array(select jsonb_object_keys(resource) order by 1) as names from loaderfile',
    );
    assert.deepEqual(rows, [{ names: ['bucket', 'file', 'size', 'status', 'type'] }]);
  } finally {
    await client.end();
  }
});
