import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
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
        maxLineBytes: 64 * 1024 * 1024,
        threads: undefined,
        sources: { allowPrivateHosts: false, fileRoots: [] },
      },
    );
  });

  test('refuses to listen where other machines reach it without a secret, and says what to do', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.5', 'loader.example.org', '127.evil.com', '127.0.0.1.nip.io']) {
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

  test('data nodes: auto, or URLs; a wrong one is refused by the name of its setting, without its value', () => {
    const of = (LOADER_DATA_URLS: string) =>
      readConfig({ DATABASE_URL: 'postgres://u@c/d', PGUSER: 'me', LOADER_DATA_URLS }).dataAddresses;
    assert.deepEqual(of(''), []);
    assert.equal(of('auto'), 'auto');
    assert.deepEqual(of('postgres://w1:5433/d, postgresql://u:p%2Cq@w2/d'), [
      { host: 'w1', port: 5433, user: 'me', database: 'd' },
      { host: 'w2', port: 5432, user: 'u', database: 'd', password: 'p,q' },
    ]);
    assert.throws(
      () => of('postgres://u:secret@w1/d,postgres://u:secret@w2:x:y/d'),
      ({ name, message }: Error) =>
        name === 'ConfigError' && /^LOADER_DATA_URLS must have the form/.test(message) && !message.includes('secret'),
    );
    assert.throws(() => readConfig({ LOADER_DATA_URLS: 'auto' }), { message: /set DATABASE_URL/ });
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

  const root = fileURLToPath(import.meta.url);
  const pem = readFileSync(root, 'utf8');
  const databaseOf = (parameters: string, env: Record<string, string> = {}) =>
    readConfig({ DATABASE_URL: `postgres://u@h/d?${parameters}`, ...env }).database;

  test('sslmode: verified where the mode says so, and with a root certificate always', () => {
    const ssl = (parameters: string, env?: Record<string, string>) => databaseOf(parameters, env)?.ssl;
    const unverified = { rejectUnauthorized: false, checkHostname: false };
    assert.equal(ssl('sslmode=disable'), undefined);
    assert.equal(ssl('sslmode=disable', { PGSSLMODE: 'require' }), undefined);
    assert.deepEqual(ssl('sslmode=require'), unverified);
    assert.deepEqual(ssl('ssl=true'), unverified);
    assert.deepEqual(ssl('', { PGSSLMODE: 'require' }), unverified);
    assert.deepEqual(ssl('sslmode=verify-ca'), { rejectUnauthorized: true, checkHostname: false });
    assert.deepEqual(ssl('sslmode=verify-full'), { rejectUnauthorized: true, checkHostname: true });
    const ofCa = { rejectUnauthorized: true, checkHostname: false, ca: pem };
    assert.deepEqual(ssl(`sslmode=require&sslrootcert=${root}`), ofCa);
    assert.deepEqual(ssl('sslmode=require', { PGSSLROOTCERT: root }), ofCa);
    assert.deepEqual(ssl('sslmode=verify-full&sslrootcert=system'), { rejectUnauthorized: true, checkHostname: true });
    assert.deepEqual(ssl(`sslmode=require&sslcert=${root}&sslkey=${root}&sslpassword=p%2Bq`), {
      ...unverified,
      cert: pem,
      key: pem,
      passphrase: 'p+q',
    });
  });

  test('LOADER_FILE_ROOTS: absolute folders, separated as in PATH', () => {
    const roots = (text: string) => readConfig({ LOADER_FILE_ROOTS: text }).sources.fileRoots;
    assert.deepEqual(roots(['/data/', '/mnt/../exports'].join(delimiter)), ['/data', '/exports']);
    assert.throws(() => roots('data'), /LOADER_FILE_ROOTS: every folder must be an absolute path/);
  });

  test('what libpq has in a URL is honoured', () => {
    assert.deepEqual(
      databaseOf(
        'user=me&password=p%20w&port=6432&dbname=other&options=-csearch_path%3Dapp,public&application_name=etl&connect_timeout=3',
      ),
      {
        host: 'h',
        port: 6432,
        user: 'me',
        database: 'other',
        password: 'p w',
        options: '-csearch_path=app,public',
        applicationName: 'etl',
        connectTimeoutMs: 3_000,
      },
    );
    assert.equal(databaseOf('', { PGOPTIONS: '-cwork_mem=1MB' })?.options, '-cwork_mem=1MB');
  });

  for (const [url, expected] of [
    ['postgres://postgres@[::1]:5432/db', { host: '::1', port: 5432, user: 'postgres', database: 'db' }],
    ['postgres://u:p%23%2F%25%40@h/d', { host: 'h', port: 5432, user: 'u', database: 'd', password: 'p#/%@' }],
    ['postgres://u:p@ss+word@h/d', { host: 'h', port: 5432, user: 'u', database: 'd', password: 'p@ss+word' }],
    ['postgres://u@%2Fvar%2Frun/d', { host: '/var/run', port: 5432, user: 'u', database: 'd' }],
    ['postgres:///d?user=u', { host: 'localhost', port: 5432, user: 'u', database: 'd' }],
    ['postgres://u@h', { host: 'h', port: 5432, user: 'u', database: 'u' }],
  ] as const)
    test(`reads ${url}`, () => assert.deepEqual(readConfig({ DATABASE_URL: url }).database, expected));

  for (const [url, message] of [
    ['mysql://root:hunter2@db/fhir', /postgres:\/\/user:password@host/],
    ['postgres://u:hunter2#x@h/d', /percent-encode .*# as %23/],
    ['postgres://u:hunter2/x@h/d', /percent-encode .*\/ as %2F/],
    ['postgres://u:12/hunter2@h/d', /percent-encode .*\/ as %2F/],
    ['postgres://u:hunter2?x@h/d', /percent-encode .*\? as %3F/],
    ['postgres://u:hunter2%@h/d', /percent-encode .*% as %25/],
    ['postgres://u@h:hunter2/d', /The port in DATABASE_URL must be a number/],
    ['postgres://u@h/d?port=hunter2', /The port in DATABASE_URL must be a number/],
    ['postgres://u@h/d?port=0', /The port in DATABASE_URL must be a number/],
    [
      'postgres://u@h/d?sslmode=hunter2',
      /^sslmode in DATABASE_URL must be one of disable, require, verify-ca, verify-full\.$/,
    ],
    [
      'postgres://u@h/d?sslmode=prefer',
      /^sslmode in DATABASE_URL must be one of .*, since whether there is TLS must not be left open/,
    ],
    ['postgres://u@h/d?SSLMODE=require', /the parameter SSLMODE is not supported/],
    ['postgres://u@h/d?sslmode=REQUIRE', /^sslmode in DATABASE_URL must be one of/],
    ['postgres://u@h/d?sslMode=require&ssl=true', /the parameter sslMode is not supported/],
    ['postgres://u@h/d?ssl=1', /ssl in DATABASE_URL can only be true/],
    ['postgres://u@h/d?ssl=true&sslmode=disable', /ssl in DATABASE_URL can only be true, and without sslmode/],
    ['postgres://u@h/d?sslmode=require&sslmode=disable', /sslmode is given twice/],
    ['postgres://u@h/d?sslrootcert=/hunter2', /^sslrootcert in DATABASE_URL is given without sslmode/],
    [
      'postgres://u@h/d?sslmode=verify-full&sslrootcert=/none/there',
      /^sslrootcert in DATABASE_URL cannot be read: ENOENT/,
    ],
    [
      'postgres://u@h/d?sslmode=require&sslrootcert=system',
      /sslrootcert in DATABASE_URL is system, which needs sslmode=verify-full/,
    ],
    ['postgres://u@h/d?sslmode=require&sslcert=/hunter2', /sslcert in DATABASE_URL is given alone/],
    ['postgres://u@h/d?channel_binding=require', /the parameter channel_binding is not supported/],
    ['postgres://u@h1,h2/d', /only one is supported/],
    ['postgres://u@h/d?connect_timeout=soon', /connect_timeout in DATABASE_URL must be a number of seconds/],
  ] as const)
    test(`refuses ${url}, by name and without its values`, () =>
      assert.throws(
        () => readConfig({ DATABASE_URL: url }),
        ({ name, message: told }: Error) => {
          assert.equal(name, 'ConfigError');
          assert.match(told, message);
          assert.doesNotMatch(told, /hunter2/);
          return true;
        },
      ));

  for (const env of [
    { PGSERVICE: 'x' },
    { PGHOSTADDR: '1.2.3.4' },
    { PGSSLMODE: 'prefer' },
    { PGSSLROOTCERT: root },
    { PGSSLCRL: root },
  ]) {
    const [name = ''] = Object.keys(env);
    test(`refuses ${name} where it would be dropped`, () =>
      assert.throws(() => readConfig({ PGHOST: 'h', ...env }), {
        name: 'ConfigError',
        message: new RegExp(`^${name} `),
      }));
  }
});
