import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { isDatabaseUnreachable, toFailure } from '../../src/errors/failure.ts';
import { blamesRow, VERDICTS } from '../../src/errors/sqlstate.ts';
import { WORKER_ERRORS } from '../../src/errors/worker-error.ts';
import { rowOfCopyError } from '../../src/target/copy-position.ts';

/** Errors as Citus 13.2 answered them to loads while a worker, or the coordinator, was killed, restarted, or refused rows. */
const RECORDED: readonly (Partial<pg.DatabaseError> & { message: string; means: string })[] = [
  { code: 'XX000', message: 'failure on connection marked as essential: 127.0.0.1:9701', means: '08006' },
  {
    code: 'XX000',
    message: 'failure on connection marked as essential: 127.0.0.1:9701',
    where: 'COPY patient, line 74',
    means: '08006',
  },
  {
    code: '58030',
    message: 'failed to COPY to shard 102461 on 127.0.0.1:9701',
    detail: 'failed to send 65548 bytes ',
    where: 'COPY patient, line 1201',
    means: '08006',
  },
  { code: '58030', message: 'failed to COPY to shard 102468 on 127.0.0.1:9702', means: '08006' },
  { code: 'XX000', message: 'terminating connection due to administrator command', means: '57P01' },
  { code: 'XX000', message: 'postmaster was shut down, exiting', means: '57P01' },
  {
    code: '08006',
    message:
      'connection to the remote node postgres@127.0.0.1:9701 failed with the following error: server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.',
    means: '08006',
  },
  {
    code: 'XX000',
    message: 'duplicate key value violates unique constraint "patient_pkey_102027"',
    detail: 'Key (id)=(a5) already exists.',
    means: '23505',
  },
  {
    code: 'XX000',
    message: 'duplicate key value violates unique constraint "t1_pkey_102027"',
    detail: 'Key (id)=(a5) already exists.',
    where: 'COPY t1, line 33713: "a33722"',
    means: '23505',
  },
  // jsonb that came as text, and was parsed by the worker.
  { code: 'XX000', message: 'invalid input syntax for type json', detail: 'Token "a" is invalid.', means: '22P02' },
  { code: 'XX000', message: 'unsupported Unicode escape sequence', means: '22P05' },
  { code: 'XX000', message: 'value overflows numeric format', means: '22003' },
];

const errorOf = ({ means: _, message, ...fields }: (typeof RECORDED)[number]) =>
  Object.assign(new pg.DatabaseError(message, 2, 'error'), { severity: 'ERROR', ...fields });

describe('What a worker of Citus met', () => {
  for (const recorded of RECORDED) {
    test(`${recorded.code} "${recorded.message.slice(0, 60)}" is ${recorded.means}`, () => {
      const error = errorOf(recorded);
      const failure = toFailure(error);
      const isOfRow = /^2[23]/.test(recorded.means);
      assert.equal(failure.code, recorded.means);
      assert.equal(failure.transient, !isOfRow);
      assert.equal(isDatabaseUnreachable(failure), !isOfRow);
      assert.equal(blamesRow(error), isOfRow);
      // The message keeps what Postgres said.
      assert.ok(failure.message.startsWith(`${recorded.code}: ERROR: ${recorded.message.slice(0, 60)}`));
    });
  }

  test('a true internal error stays one, and so does a message that only speaks of such words', () => {
    for (const message of [
      'cache lookup failed for relation 1234',
      'could not find shard placement',
      'the trigger says: deadlock detected',
      'no such thing as: duplicate key value violates unique constraint "x"',
    ]) {
      const failure = toFailure(errorOf({ code: 'XX000', message, means: '' }));
      assert.deepEqual([failure.code, failure.transient], ['XX000', false], message);
    }
  });

  test('an SQLSTATE that was not lost counts, whatever the words', () => {
    const error = errorOf({ code: 'P0001', message: 'duplicate key value violates unique constraint "x"', means: '' });
    assert.equal(toFailure(error).code, 'P0001');
  });

  test('the line of its context is not the row’s, and not taken for it', () => {
    const [line] = RECORDED.filter(({ where }) => where?.includes('33713'));
    assert.ok(line !== undefined);
    const copy = 'copy "public"."t1" (id, resource) from stdin';
    assert.equal(rowOfCopyError(errorOf(line), copy), undefined);
    assert.equal(rowOfCopyError(errorOf({ ...line, code: '23505' }), copy), 33_713);
  });

  test('nor is the line of a COPY into one of a node’s own shards', () => {
    const where = 'JSON data, line 1: {x...\nCOPY t1_106388, line 1533, column resource';
    const error = errorOf({ code: '22P02', message: 'invalid input syntax for type json', where, means: '22P02' });
    assert.equal(rowOfCopyError(error, 'copy "public"."t1" (id, resource) from stdin'), undefined);
    assert.equal(rowOfCopyError(error, 'copy "public"."t1_106388" (id, resource) from stdin'), 1_533);
  });

  test('every SQLSTATE of the table has a verdict, or blames a row', () => {
    for (const { sqlstate } of WORKER_ERRORS) {
      assert.ok(sqlstate in VERDICTS || /^2[23]/.test(sqlstate), sqlstate);
    }
  });
});
