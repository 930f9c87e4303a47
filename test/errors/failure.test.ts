import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { isDatabaseUnreachable, lacksConnection, toFailure } from '../../src/errors/failure.ts';
import { FileError } from '../../src/errors/file-error.ts';
import { LineError } from '../../src/errors/line-error.ts';
import { blamesRow } from '../../src/errors/sqlstate.ts';
import { TooManyBadLines } from '../../src/pipeline/bad-lines.ts';
import { DecompressError } from '../../src/pipeline/decompress.ts';
import { PrivateHostError } from '../../src/source/s3/private-hosts.ts';
import { S3Error } from '../../src/source/s3/s3-error.ts';

function answered(code: string, fields: Partial<pg.DatabaseError> = {}): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('no', 2, 'error'), { code, severity: 'ERROR', ...fields });
}

describe('What an SQLSTATE means for a file', () => {
  const outage = ['08000', '08006', '25006', '25P03', '25P04', '53300', '57P01', '57P02', '57P03', '57P05'];
  const retry = ['40001', '40P01', '53200', '55P03'];
  const final = [
    '23505',
    '22P02',
    '42501',
    '42P01',
    '57014',
    '57P04',
    '08P01',
    '08P02',
    '54000',
    'P0001',
    'XX000',
    '0A000',
  ];

  for (const [codes, transient, unreachable] of [
    [outage, true, true],
    [retry, true, false],
    [final, false, false],
  ] as const) {
    for (const code of codes) {
      test(`${code}: ${unreachable ? 'the database is away' : transient ? 'tried again' : 'the file fails'}`, () => {
        const failure = toFailure(answered(code));
        assert.deepEqual([failure.source, failure.code, failure.transient], ['postgres', code, transient]);
        assert.equal(isDatabaseUnreachable(failure), unreachable);
      });
    }
  }

  test('08P01: of PgBouncer, as FATAL, its way of saying that the database is away', () => {
    const failure = toFailure(answered('08P01', { severity: 'FATAL', message: 'server conn crashed?' }));
    assert.deepEqual([failure.code, failure.transient, isDatabaseUnreachable(failure)], ['08006', true, true]);
    assert.equal(failure.message, '08P01: FATAL: server conn crashed?');
  });

  for (const message of ['query_wait_timeout', 'no more connections allowed (max_client_conn)']) {
    test(`08P01: of PgBouncer, that it has no room (${message})`, () => {
      const failure = toFailure(answered('08P01', { severity: 'FATAL', message }));
      assert.deepEqual([failure.code, failure.transient, lacksConnection(failure)], ['53300', true, true]);
    });
  }

  test('a host whose name is not known for now, as that of a restarting container: the database is away', async () => {
    // RFC 6761 keeps .invalid from ever being known.
    const failure = await new pg.Client({ host: 'postgres.invalid' }).connect().then(
      () => assert.fail('connected'),
      (error: unknown) => toFailure(error),
    );
    assert.deepEqual([failure.source, failure.transient], ['postgres', true], failure.message);
    assert.ok(isDatabaseUnreachable(failure), failure.message);
  });

  test('a code of AWS that looks like one of Postgres says nothing of the database', () => {
    assert.equal(isDatabaseUnreachable({ source: 'aws', code: '08006' }), false);
  });

  test('data exceptions, constraints, triggers and what is too large or too deep blame the row; nothing else does', () => {
    for (const code of ['22P02', '23505', 'P0001', '54000', '54001']) assert.ok(blamesRow(answered(code)), code);
    for (const code of ['42501', '53100', '54023', '57014']) assert.ok(!blamesRow(answered(code)), code);
    assert.ok(!blamesRow(new Error('22P02')));
  });
});

describe('The words of a failure', () => {
  test("Postgres's message has the form of the documented example", () => {
    const { message, line } = toFailure(answered('23505', { message: 'duplicate key value' }));
    assert.equal(message, '23505: ERROR: duplicate key value');
    assert.equal(line, undefined);
  });

  test("with the file's line, DETAIL and HINT, each once", () => {
    const error = answered('22001', { message: 'too long', detail: 'It has 9 characters.', hint: 'Make it shorter.' });
    const { message, line } = toFailure(error, 7);
    assert.equal(message, '22001: ERROR: too long (line 7: It has 9 characters.). Hint: Make it shorter.');
    assert.equal(line, 7);
  });

  test('each room says by itself who failed, with which code, and whether to try again', () => {
    const cases: [FileError, object][] = [
      [new S3Error('SlowDown', 'slow', { transient: true }), { source: 'aws', code: 'SlowDown', transient: true }],
      [new PrivateHostError('10.0.0.1'), { source: 'aws', code: 'PrivateHost', transient: false }],
      [new LineError('id-missing', 3, {}), { source: 'aidbox', code: 'id-missing', transient: false, line: 3 }],
      [
        new DecompressError('gzip', 'is cut'),
        { source: 'aidbox', code: 'bad-gzip', transient: false, message: 'the gzip data is cut' },
      ],
      [new FileError('x', { source: 'aidbox', code: 'other' }), { source: 'aidbox', code: 'other', transient: false }],
    ];
    for (const [error, expected] of cases) assert.partialDeepStrictEqual(toFailure(error), expected);
  });

  test('too many bad lines: the first of them is shown, and its line', () => {
    const bad = {
      line: 4,
      offset: 9,
      id: undefined,
      source: 'aidbox',
      code: 'not-json',
      message: 'line 4: …',
      text: '',
    };
    const failure = toFailure(new TooManyBadLines(2, [{ ...bad, source: 'aidbox' }]));
    assert.deepEqual([failure.code, failure.line], ['too-many-errors', 4]);
    assert.equal(failure.message, 'more than 2 bad lines (max-errors); the first is line 4: …');
  });

  test("a lost connection, in the socket's words and in pg's", () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { syscall: 'connect', code: 'ECONNREFUSED' });
    for (const error of [refused, new Error('Connection terminated unexpectedly'), new Error('timeout expired')]) {
      const failure = toFailure(error);
      assert.deepEqual([failure.source, failure.code, failure.transient], ['postgres', '08006', true]);
      assert.ok(failure.message.endsWith(error.message));
    }
  });

  test('anything else is internal, and final', () => {
    const full = Object.assign(new Error('write ENOSPC'), { syscall: 'write', code: 'ENOSPC' });
    for (const error of [new TypeError('x is undefined'), full, 'a string']) {
      assert.partialDeepStrictEqual(toFailure(error), { source: 'aidbox', code: 'internal', transient: false });
    }
  });
});
