import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../src/config.ts';

const NAMES = [
  'sslmode',
  'SSLMODE',
  'sslMode',
  'ssl',
  'SSL',
  'Ssl',
  'tls',
  'requiressl',
  'ssl_mode',
  'sslnegotiation',
  'gssencmode',
];
const VALUES = [
  'require',
  'REQUIRE',
  'Require',
  'true',
  'TRUE',
  '1',
  'on',
  'yes',
  'verify-full',
  'VERIFY_FULL',
  'verify_full',
  'prefer',
  'allow',
  '',
];

test('no spelling of TLS in a URL is read as none: it is honoured or refused', () => {
  for (const name of NAMES) {
    for (const value of VALUES) {
      const address = `postgres://u@h/d?${name}=${value}`;
      let ssl: unknown = 'refused';
      try {
        ssl = readConfig({ DATABASE_URL: address }).database?.ssl;
      } catch (error) {
        assert.equal((error as Error).name, 'ConfigError', address);
      }
      assert.notEqual(ssl, undefined, address);
    }
  }
});

test('nor in the environment', () => {
  for (const [name, value] of [
    ...VALUES.filter((value) => value !== '').map((value) => ['PGSSLMODE', value] as const),
    ['PGREQUIRESSL', '1'] as const,
    ['PGSSLROOTCERT', '/etc/ssl/ca.pem'] as const,
    ['PGSSLCERT', '/etc/ssl/client.pem'] as const,
    ['PGSSLNEGOTIATION', 'direct'] as const,
  ]) {
    for (const address of [{ DATABASE_URL: 'postgres://u@h/d' }, { PGHOST: 'h' }, { BOX_DB_HOST: 'h' }]) {
      let ssl: unknown = 'refused';
      try {
        ssl = readConfig({ ...address, [name]: value }).database?.ssl;
      } catch (error) {
        assert.equal((error as Error).name, 'ConfigError', name);
      }
      assert.notEqual(ssl, undefined, `${name}=${value}`);
    }
  }
});
