import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { ClientError } from '../../src/errors/client-error.ts';
import { toErrorBody } from '../../src/errors/error-body.ts';
import { FileError } from '../../src/errors/file-error.ts';
import { toClientError } from '../../src/errors/to-client-error.ts';

const answered = (code: string, message: string) =>
  Object.assign(new pg.DatabaseError(message, 2, 'error'), { code, severity: 'ERROR' });

test('Why a bucket cannot be read is the caller’s to know: 422 with the source’s code', () => {
  const error = new FileError('AccessDenied: access denied', { source: 'aws', code: 'AccessDenied' });
  const known = toClientError(error);
  assert.deepEqual(toErrorBody(known), {
    status: 422,
    body: { message: 'AccessDenied: access denied', code: 'AccessDenied' },
  });
  assert.equal(known?.cause, error, 'the log gets the error behind it');
});

test('What Postgres refuses is answered in its words: 422', () => {
  const known = toClientError(answered('42501', 'permission denied for table patient'));
  assert.deepEqual(toErrorBody(known), {
    status: 422,
    body: { message: 'The database refused: 42501: ERROR: permission denied for table patient', code: '42501' },
  });
});

test('A database that is away, or takes no writes, is a 503 that says which', () => {
  const away = toErrorBody(toClientError(answered('57P01', 'terminating connection')));
  assert.deepEqual([away.status, away.body.code], [503, '57P01']);
  assert.match(away.body.message, /cannot be reached/);
  const standby = toErrorBody(toClientError(answered('25006', 'read-only transaction')));
  assert.equal(standby.status, 503);
  assert.match(standby.body.message, /standby/);
});

test('A database that refuses the login of the server is a 503 that says what to mend: no other call would fare better', () => {
  for (const code of ['28P01', '28000']) {
    const { status, body } = toErrorBody(toClientError(answered(code, 'no pg_hba.conf entry for user "loader"')));
    assert.deepEqual([status, body.code], [503, code]);
    assert.match(
      body.message,
      /refuses the server's login: .*no pg_hba.conf entry.*pg_hba.conf, or restart the server/,
    );
  }
});

test('An unexpected error shows nothing of itself', () => {
  const known = toClientError(new Error('password is hunter2'));
  assert.equal(known, undefined);
  const { status, body } = toErrorBody(known);
  assert.equal(status, 500);
  assert.doesNotMatch(JSON.stringify(body), /hunter2/);
});

test('A ClientError is answered as it is', () => {
  const error = new ClientError('invalid-params', 'Invalid params', {
    method: 'm',
    errors: [{ message: 'is required', path: 'bucket', type: 'invalid_type' }],
  });
  assert.deepEqual(toErrorBody(toClientError(error)), {
    status: 422,
    body: { message: 'Invalid params', method: 'm', errors: error.details.errors },
  });
});

test('a request that still runs when the pool has ended: the server is shutting down', async () => {
  const pool = new pg.Pool();
  await pool.end();
  const error: unknown = await pool.query('select').catch((reason: unknown) => reason);
  const refused = toClientError(error);
  assert.equal(refused?.kind, 'database-unavailable');
  assert.equal(refused?.message, 'the server is shutting down; call another replica');
});
