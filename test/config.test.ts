import assert from 'node:assert/strict';
import { delimiter } from 'node:path';
import { describe, test } from 'node:test';
import { readConfig } from '../src/config.ts';

describe('readConfig', () => {
  test('without any setting: loopback, port 8888, an embedded Postgres in ./data, no secret', () => {
    const { host, port, rootClient, database, dataFolder, logLevel, maxLineBytes, threads, sources } = readConfig({});
    assert.deepEqual(
      { host, port, rootClient, database, dataFolder, logLevel, maxLineBytes, threads, sources },
      {
        host: '127.0.0.1',
        port: 8888,
        rootClient: undefined,
        database: undefined,
        dataFolder: 'data',
        logLevel: 'info',
        maxLineBytes: 256 * 1024 * 1024,
        threads: undefined,
        sources: { allowPrivateHosts: false, fileRoots: [] },
      },
    );
  });

  test('refuses to listen where other machines reach it without a secret, and says what to do', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.5', 'loader.example.org']) {
      assert.throws(() => readConfig({ BOX_WEB_HOST: host }), {
        name: 'ConfigError',
        message: new RegExp(`BOX_WEB_HOST is ${host}.*BOX_ROOT_CLIENT_SECRET is not set\\. Set a secret, or listen on`),
      });
      assert.throws(() => readConfig({ BOX_WEB_HOST: host, BOX_ROOT_CLIENT_SECRET: '' }), { name: 'ConfigError' });
      const { rootClient } = readConfig({ BOX_WEB_HOST: host, BOX_ROOT_CLIENT_SECRET: 's' });
      assert.deepEqual(rootClient, { id: 'root', secret: 's' });
    }
    for (const host of ['127.0.0.1', '127.0.0.2', 'localhost', '::1']) {
      assert.equal(readConfig({ BOX_WEB_HOST: host }).host, host);
    }
  });

  test('names every wrong setting at once', () => {
    assert.throws(
      () => readConfig({ BOX_WEB_PORT: 'http', LOG_LEVEL: 'loud', LOADER_THREADS: '0', S3_ALLOW_PRIVATE_HOSTS: 'yes' }),
      ({ name, message }: Error) => {
        assert.equal(name, 'ConfigError');
        for (const setting of ['BOX_WEB_PORT', 'LOG_LEVEL', 'LOADER_THREADS', 'S3_ALLOW_PRIVATE_HOSTS']) {
          assert.ok(message.includes(`${setting}: `), message);
        }
        return true;
      },
    );
  });

  const address = { host: 'db', port: 6432, user: 'me', database: 'fhir', password: 'p@ss' };
  for (const [what, environment] of [
    ['DATABASE_URL', { DATABASE_URL: 'postgres://me:p%40ss@db:6432/fhir' }],
    ['DATABASE_URL with a socket’s folder', { DATABASE_URL: 'postgresql://me:p%40ss@/fhir?host=db&port=6432' }],
    [
      'Aidbox’s names',
      { BOX_DB_HOST: 'db', BOX_DB_PORT: '6432', BOX_DB_DATABASE: 'fhir', BOX_DB_USER: 'me', BOX_DB_PASSWORD: 'p@ss' },
    ],
    ['Postgres’s names', { PGHOST: 'db', PGPORT: '6432', PGDATABASE: 'fhir', PGUSER: 'me', PGPASSWORD: 'p@ss' }],
    [
      'DATABASE_URL before the others, and empty ones as absent',
      { DATABASE_URL: 'postgres://me:p%40ss@db:6432/fhir', PGHOST: 'other', BOX_DB_HOST: '', PGUSER: 'other' },
    ],
  ] as const)
    test(`database from ${what}`, () => assert.deepEqual(readConfig(environment).database, address));

  test('sslmode: verified where the mode says so', () => {
    const ssl = (mode: string) => readConfig({ DATABASE_URL: `postgres://u@h/d?sslmode=${mode}` }).database?.ssl;
    assert.equal(ssl('disable'), undefined);
    assert.deepEqual(ssl('require'), { rejectUnauthorized: false, checkHostname: false });
    assert.deepEqual(ssl('verify-ca'), { rejectUnauthorized: true, checkHostname: false });
    assert.deepEqual(ssl('verify-full'), { rejectUnauthorized: true, checkHostname: true });
    assert.throws(() => ssl('sometimes'), /sslmode in DATABASE_URL must be one of/);
  });

  test('LOADER_FILE_ROOTS: absolute folders, separated as in PATH', () => {
    const roots = (text: string) => readConfig({ LOADER_FILE_ROOTS: text }).sources.fileRoots;
    assert.deepEqual(roots(['/data/', '/mnt/../exports'].join(delimiter)), ['/data', '/exports']);
    assert.throws(() => roots('data'), /LOADER_FILE_ROOTS: every folder must be an absolute path/);
  });

  test('a wrong DATABASE_URL is not repeated: it may carry a password', () => {
    assert.throws(
      () => readConfig({ DATABASE_URL: 'mysql://root:hunter2@db/fhir' }),
      ({ message }: Error) => message.includes('postgres://user:password@host') && !message.includes('hunter2'),
    );
  });
});
