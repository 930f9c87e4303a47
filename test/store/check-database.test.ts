import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import pg from 'pg';
import { StartError } from '../../src/errors/start-error.ts';
import { migrate } from '../../src/store/migrate.ts';
import { AIDBOX_SCHEMA } from '../support/aidbox-schema.ts';
import { onTestServer } from '../support/on-test-server.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { testServerConnection } from '../support/test-server-address.ts';

/** Runs the statements as the test server's superuser, in the database. */
async function inDatabase({ connection }: Pick<TestDatabase, 'connection'>, ...statements: string[]) {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
    return await client.query<{ name: string }>(
      `select nspname as name from pg_namespace where nspname = 'fhir_bucket_loader'
       union all select relname from pg_class where relnamespace = 'public'::regnamespace`,
    );
  } finally {
    await client.end();
  }
}

const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StartError, String(error));
  assert.match(error.message, message);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};

for (const encoding of ['LATIN1', 'SQL_ASCII']) {
  test(`a database in ${encoding} is refused in one sentence, before the first migration`, async (t) => {
    const database = `test_${process.pid}_${randomBytes(6).toString('hex')}`;
    const create = `create database ${database} template template0 encoding '${encoding}' lc_collate 'C' lc_ctype 'C'`;
    // Postgres 14 knows one provider of locales only, and has no word for it.
    await onTestServer(`${create} locale_provider libc`).catch(() => onTestServer(create));
    t.after(() => onTestServer(`drop database ${database} with (force)`));
    const connection = { ...testServerConnection(), database };
    const sentence = new RegExp(
      `^The database ${database} has the encoding ${encoding}, .* encoding 'UTF8' template template0$`,
    );
    await assert.rejects(migrate(connection), refused(sentence));
    assert.deepEqual((await inDatabase({ connection })).rows, []);
  });
}

test('a database that quotes all names is used like any other', async (t) => {
  const database = await createTestDatabase(t);
  const name = pg.escapeIdentifier(database.connection.database);
  await onTestServer(`alter database ${name} set quote_all_identifiers = on`);
  assert.ok((await migrate(database.connection)) > 0);
  assert.equal(await migrate(database.connection), 0);
});

describe('the loader’s own tables, found unfit', () => {
  const cases: [what: string, statement: string, message: RegExp][] = [
    [
      'loaderfile as text',
      'alter table loaderfile alter resource type text',
      /public\.loaderfile cannot be used: column resource is text, must be jsonb/,
    ],
    [
      'disabledindex without txid',
      'alter table disabledindex drop txid',
      /public\.disabledindex cannot be used: column txid is missing/,
    ],
    [
      'loaderfile without a key',
      'alter table loaderfile drop constraint loaderfile_pkey',
      /public\.loaderfile has no primary key on id; without it a file could be queued twice/,
    ],
    [
      'a view',
      'alter table loaderfile rename to base; create view loaderfile as select * from base',
      /public\.loaderfile cannot be used: it is a view/,
    ],
  ];
  for (const [what, statement, message] of cases) {
    test(what, async (t) => {
      const database = await createTestDatabase(t);
      await inDatabase(database, AIDBOX_SCHEMA, statement);
      await assert.rejects(migrate(database.connection), refused(message));
    });
  }

  test('a role that may not write them, or from which row-level security hides rows', async (t) => {
    const role = `role_${randomBytes(6).toString('hex')}`;
    await onTestServer(`create role ${role} login password 'secret'`);
    const database = await createTestDatabase(t);
    t.after(() => onTestServer(`drop owned by ${role}; drop role ${role}`));
    await migrate(database.connection);
    const connection = { ...database.connection, user: role, password: 'secret' };
    await inDatabase(
      database,
      `grant usage on schema public, fhir_bucket_loader to ${role}`,
      `grant select, insert, update, delete on all tables in schema fhir_bucket_loader to ${role}`,
      `grant select on all tables in schema public to ${role}`,
    );
    const grant = new RegExp(
      `the role ${role} may not insert, update, delete on public\\.loaderfile: grant insert, update, delete on "public"\\."loaderfile" to "${role}"`,
    );
    await assert.rejects(migrate(connection), refused(grant));
    await inDatabase(
      database,
      `grant insert, update, delete on all tables in schema public to ${role}`,
      'alter table loaderfile enable row level security',
    );
    await assert.rejects(migrate(connection), refused(/row-level security applies to the role/));
  });
});
