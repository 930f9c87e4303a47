import pg from 'pg';
import { TooManyBadLines } from '../pipeline/lenient-copy.ts';
import { GzipError } from '../pipeline/read-ndjson.ts';
import { S3Error } from '../source/s3/s3-error.ts';
import type { LoaderFileError } from '../store/loader-file/loader-file.ts';
import { LineError } from './line-failure.ts';

/** Why a file could not be loaded, as its LoaderFile tells it. Plain data: it crosses from a worker thread. */
export interface Failure extends LoaderFileError {
  message: string;
  /** Whether loading the file again, as it is, may well succeed. */
  transient: boolean;
  /** 1-based line of the file, where the failure has one. */
  line?: number | undefined;
}

/** SQLSTATEs, and classes of them, that say "not now" rather than "not so" (Postgres manual, appendix A). */
const TRANSIENT_SQLSTATES = new Set([
  '25006', // read_only_sql_transaction: a standby, until it is promoted
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '53200', // out_of_memory
  '53300', // too_many_connections
  '55P03', // lock_not_available
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
]);

/** Connection exceptions; also given to connections that ended without a word. */
const CONNECTION_CLASS = '08';
const CONNECTION_FAILURE = '08006';

/** @param line the file's line that a Postgres error speaks of */
export function toFailure(error: unknown, line?: number): Failure {
  if (error instanceof S3Error) {
    return { source: 'aws', code: error.code, message: error.message, transient: error.transient };
  }
  if (error instanceof LineError) {
    return { source: 'aidbox', code: error.failure, message: error.message, transient: false, line: error.line };
  }
  if (error instanceof TooManyBadLines) {
    const { line } = error.badLines[0] ?? {};
    return { source: 'aidbox', code: 'too-many-errors', message: error.message, transient: false, line };
  }
  if (error instanceof GzipError) {
    return { source: 'aidbox', code: 'bad-gzip', message: error.message, transient: false };
  }
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? 'XX000';
    return {
      source: 'postgres',
      code,
      message: postgresMessage(error, code, line),
      transient: isTransient(code),
      line,
    };
  }
  if (isConnectionLoss(error)) {
    return {
      source: 'postgres',
      code: CONNECTION_FAILURE,
      message: `${CONNECTION_FAILURE}: the connection to Postgres was lost or could not be made: ${error.message}`,
      transient: true,
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { source: 'aidbox', code: 'internal', message: `unexpected error: ${message}`, transient: false };
}

/** Whether the database itself is out of reach or takes no writes, so that no other file would fare better. */
export function isDatabaseUnreachable(failure: Failure): boolean {
  if (failure.source !== 'postgres') return false;
  return (
    failure.code.startsWith(CONNECTION_CLASS) ||
    failure.code.startsWith('57P') ||
    ['53300', '25006'].includes(failure.code)
  );
}

function isTransient(sqlstate: string): boolean {
  return TRANSIENT_SQLSTATES.has(sqlstate) || sqlstate.startsWith(CONNECTION_CLASS);
}

/** The form of the contract's example, then where in the file it was and what Postgres says besides. */
function postgresMessage(error: pg.DatabaseError, code: string, line: number | undefined): string {
  const head = `${code}: ${error.severity ?? 'ERROR'}: ${error.message}`;
  const where = [line === undefined ? undefined : `line ${line}`, error.detail].filter((part) => part !== undefined);
  return where.length === 0 ? head : `${head} (${where.join(': ')})`;
}

const CONNECTION_ERRNOS = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'];

/** pg reports a lost connection as a plain Error, or as the socket's. */
function isConnectionLoss(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if ('syscall' in error && 'code' in error) return CONNECTION_ERRNOS.includes(String(error.code));
  return (
    error.message.startsWith('Connection terminated') ||
    error.message.startsWith('timeout exceeded when trying to connect') ||
    error.message.startsWith('timeout expired') ||
    error.message.startsWith('Client has encountered a connection error') ||
    error.message.startsWith('Client was closed')
  );
}
