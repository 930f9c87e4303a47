import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';
import { lastFirst } from '../support/last-first.ts';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { urlFromConnection } from '../support/test-server-address.ts';
import { waitFor } from '../support/wait-for.ts';

// The tests' own Postgres trusts everybody, so that a password that is dropped on the way would not be missed there.
test('where Postgres asks for a password, all connections of a load give it; once it is another one, calls say so', async (t) => {
  const parts = lastFirst(t);
  const dataFolder = await mkdtemp(join(tmpdir(), 'password-'));
  parts.after(() => rm(dataFolder, { recursive: true }));
  await chmod(dataFolder, 0o755);
  const postgres = await startEmbeddedPostgres({ dataFolder });
  parts.after(() => postgres.stop());
  await withClient(postgres.connection, async (superuser) => {
    await superuser.query(`create role loader login superuser password 'secret of the loader'`);
    const { rows } = await superuser.query<{ hba_file: string }>('show hba_file');
    const file = rows[0]?.hba_file ?? '';
    await writeFile(file, `local all loader scram-sha-256\n${await readFile(file, 'utf8')}`);
    await superuser.query('select pg_reload_conf()');
  });
  const connection = { ...postgres.connection, user: 'loader', password: 'secret of the loader' };
  const isAsked = async () => {
    const wrong = new pg.Client({ ...connection, password: 'another' });
    try {
      return await wrong.connect().then(
        () => false,
        (error: { code?: string }) => error.code === '28P01',
      );
    } finally {
      await wrong.end();
    }
  };
  await waitFor(isAsked, { what: 'a Postgres that asks for the password' });
  const server = await startTestServer(parts, { database: { connection, url: urlFromConnection(connection) } });
  const bucket = await server.bucketOf({
    'Patient-1.ndjson.gz': patients(50),
    'Patient-2.ndjson.gz': patients(50, 'q'),
  });
  assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
  assert.deepEqual(await server.sql('select count(*)::int as rows from patient'), [{ rows: 100 }]);

  await withClient(postgres.connection, async (superuser) => {
    await superuser.query(`alter role loader password 'a new one'`);
    await superuser.query(
      `select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = current_database() and usename = 'loader'`,
    );
  });
  const { status, body } = await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: `s3://${bucket}` });
  assert.equal(status, 503);
  assert.match(
    body.error?.message ?? '',
    /refuses the server's login: .*28P01.* or restart the server with another DATABASE_URL/,
  );
});

async function withClient(connection: pg.ClientConfig, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
