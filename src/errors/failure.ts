import pg from 'pg';
import { capText } from './cap-text.ts';
import { isConnectionLoss } from './connection-loss.ts';
import { type FailureSource, FileError } from './file-error.ts';
import { NoFirstAnswer } from './no-first-answer.ts';
import { isOpenFilesLimit, TOO_MANY_OPEN_FILES } from './open-files.ts';
import { PoolBusy } from './pool-busy.ts';
import { postgresMessage } from './postgres-message.ts';
import { SessionTimeout } from './session-timeout.ts';
import { SQLSTATE, sqlstateOf, verdictOf } from './sqlstate.ts';

/** Why a file could not be loaded, as its LoaderFile shows it. Plain data: it crosses from a worker thread. */
export interface Failure {
  source: FailureSource;
  /** SQLSTATE, AWS's error code, or the loader's own word. */
  code: string;
  message: string;
  /** Whether loading the file again, as it is, may well succeed. */
  transient: boolean;
  /** 1-based line of the file, where the failure has one. */
  line?: number | undefined;
}

/**
 * What an error of any room means for a file. An error that nobody expected becomes `internal`.
 * @param line the file's line that a Postgres error speaks of
 */
export function toFailure(error: unknown, line?: number): Failure {
  if (isOpenFilesLimit(error)) {
    return {
      source: 'aidbox',
      code: TOO_MANY_OPEN_FILES,
      message: 'the server may open no more files and sockets; raise its limit (ulimit -n), or lower thread-num',
      transient: true,
    };
  }
  if (error instanceof FileError) {
    const { source, code, message, transient } = error;
    return { source, code, message, transient, line: error.line };
  }
  if (error instanceof pg.DatabaseError) {
    const code = codeOfFatal(error) ?? sqlstateOf(error) ?? 'XX000';
    const transient = verdictOf(code) !== 'final';
    return { source: 'postgres', code, message: postgresMessage(error, line), transient, line };
  }
  if (error instanceof SessionTimeout) {
    return { source: 'postgres', code: error.code, message: `${error.code}: ${error.message}`, transient: true };
  }
  if (error instanceof NoFirstAnswer) {
    const code = SQLSTATE.tooManyConnections;
    return { source: 'postgres', code, message: `${code}: ${error.message}`, transient: true };
  }
  if (error instanceof PoolBusy) {
    // Waited out as a lost connection is: by time, however often it is met.
    const code = SQLSTATE.connectionFailure;
    return { source: 'postgres', code, message: `${code}: ${error.message}`, transient: true };
  }
  if (isConnectionLoss(error)) {
    return {
      source: 'postgres',
      code: SQLSTATE.connectionFailure,
      message: `${SQLSTATE.connectionFailure}: the connection to Postgres was lost or could not be made: ${error.message}`,
      transient: true,
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { source: 'aidbox', code: 'internal', message: capText(`unexpected error: ${message}`), transient: false };
}

/** PgBouncer's words where its pool has no connection to Postgres free within query_wait_timeout, or takes no more clients. */
const POOLER_IS_FULL = /^query_wait_timeout|\(max_\w*client_conn/;

/**
 * The code of what is FATAL, and has another meaning in the answer to a statement. PgBouncer says everything of its own as 08P01,
 * which from Postgres is about what was sent: that it has no room, or that the connection is lost (server crashed, cannot
 * connect, shutting down). 55000 is a database that takes no connections for a while (`allow_connections false`).
 */
function codeOfFatal({ code, severity, message }: pg.DatabaseError): string | undefined {
  if (severity !== 'FATAL') return undefined;
  if (code === SQLSTATE.objectNotInPrerequisiteState) return SQLSTATE.cannotConnectNow;
  if (code !== SQLSTATE.protocolViolation) return undefined;
  return POOLER_IS_FULL.test(message) ? SQLSTATE.tooManyConnections : SQLSTATE.connectionFailure;
}

/** Whether the database itself is out of reach or takes no writes, so that no other file would fare better. */
export function isDatabaseUnreachable({ source, code }: Pick<Failure, 'source' | 'code'>): boolean {
  return source === 'postgres' && verdictOf(code) === 'outage';
}

/** Whether there was no room for another connection or socket: with fewer files at once there is. */
export function lacksConnection({ code }: Pick<Failure, 'code'>): boolean {
  return code === SQLSTATE.tooManyConnections || code === TOO_MANY_OPEN_FILES;
}
