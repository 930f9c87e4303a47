import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'pg-connection-string';
import { parseDatabaseUrl } from '../src/database-url.ts';

/** What `pg` itself reads a connection string with; here is why the loader does not. */
describe('a URL that pg-connection-string reads as another one, or silently drops a part of', () => {
  for (const [what, url, theirs] of [
    ['a # in the password: the user becomes the host', 'postgres://db:12#3@h/d', { host: 'db', port: '12' }],
    ['a % that begins no escape: taken as it stands', 'postgres://u:p%zz@h/d', { host: 'h', password: 'p%zz' }],
    ['a parameter twice: the last counts', 'postgres://h/d?sslmode=verify-full&sslmode=disable', { ssl: false }],
    ['a parameter that nothing honours', 'postgres://h/d?target_session_attrs=any', { host: 'h' }],
    ['a mistyped parameter: no TLS', 'postgres://h/d?ssl_mode=verify-full', { ssl: undefined }],
    ['a path below the database', 'postgres://h/d/e', { database: 'd/e' }],
    ['another protocol', 'mysql://u@h/d', { host: 'h', user: 'u' }],
    ['no protocol', 'h/d', { host: 'base' }],
  ] as const)
    test(what, () => {
      const read = parse(url);
      for (const [name, value] of Object.entries(theirs)) assert.equal(Reflect.get(read, name), value);
      assert.throws(() => parseDatabaseUrl(url), { name: 'ConfigError', message: /^DATABASE_URL/ });
    });

  test('a plus sign, which libpq takes for itself, becomes a blank', () => {
    const url = 'postgres://h/d?options=-cwork_mem%3D1+2';
    assert.equal(Reflect.get(parse(url), 'options'), '-cwork_mem=1 2');
    assert.equal(parseDatabaseUrl(url).parameters.get('options'), '-cwork_mem=1+2');
  });

  test('a file of TLS is read while the URL is parsed, and its error names no setting', () => {
    const url = 'postgres://h/d?sslmode=verify-full&sslrootcert=/nowhere.pem';
    assert.throws(() => parse(url), { code: 'ENOENT', message: /^(?!.*sslrootcert)/ });
    assert.equal(parseDatabaseUrl(url).parameters.get('sslrootcert'), '/nowhere.pem');
  });

  test('what is plain is read alike', () => {
    const url = 'postgres://us%40er:p%3Aw@db.example:6432/a%20b?application_name=x';
    const { user, password, host, port, database, application_name: name } = parse(url);
    const ours = parseDatabaseUrl(url);
    assert.deepEqual(
      [ours.user, ours.password, ours.host, ours.port, ours.database, ours.parameters.get('application_name')],
      [user, password, host, port, database, name],
    );
  });
});
