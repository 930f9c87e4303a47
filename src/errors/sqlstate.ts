import pg from 'pg';
import { sqlstateAtWorker } from './worker-error.ts';

/**
 * What an SQLSTATE says about another attempt.
 * - `outage`: the database is out of reach or takes no writes; no other file would fare better. Waited out by time.
 * - `retry`: this statement met something that passes. Tried again a few times.
 * - `final`: the same attempt fails again.
 */
export type Verdict = 'outage' | 'retry' | 'final';

/**
 * Verdicts by SQLSTATE, each code by itself (Postgres manual, appendix A): a class has codes of all kinds, and 08P01, which
 * binary data of the wrong width gives, was once tried for ten minutes because of its class. What is not named is final.
 */
export const VERDICTS: Readonly<Record<string, Verdict>> = {
  // connection_exception, sqlclient_unable_to_establish_sqlconnection, connection_does_not_exist,
  // sqlserver_rejected_establishment_of_sqlconnection, connection_failure, transaction_resolution_unknown: Postgres
  // restarts, or the network is cut. 08006 is also given to connections that end without a word.
  '08000': 'outage',
  '08001': 'outage',
  '08003': 'outage',
  '08004': 'outage',
  '08006': 'outage',
  '08007': 'outage',
  // read_only_sql_transaction: a standby, until it is promoted.
  '25006': 'outage',
  // idle_in_transaction_session_timeout, transaction_timeout: the loader sets both to 0 as a session begins, so that only one that is
  // shorter than that ends it, and by chance the next one begins in time.
  '25P03': 'outage',
  '25P04': 'outage',
  // serialization_failure: another transaction got ahead.
  '40001': 'retry',
  // deadlock_detected: Postgres chose this transaction to give way.
  '40P01': 'retry',
  // disk_full: until somebody makes room; every file needs some.
  '53100': 'outage',
  // out_of_memory: of one backend; others give memory back.
  '53200': 'retry',
  // too_many_connections: somebody else's end sooner or later, and no file gets one before.
  '53300': 'outage',
  // lock_not_available: lock_timeout has passed; its holder ends its transaction.
  '55P03': 'retry',
  // admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout: the session is ended from outside, and the
  // server comes back or a failover follows. Not 57P04, database_dropped.
  '57P01': 'outage',
  '57P02': 'outage',
  '57P03': 'outage',
  '57P05': 'outage',
};

/** SQLSTATEs that the loader acts on, by Postgres's names for them. */
export const SQLSTATE = {
  adminShutdown: '57P01',
  cannotConnectNow: '57P03',
  connectionFailure: '08006',
  deadlockDetected: '40P01',
  dependentObjectsStillExist: '2BP01',
  diskFull: '53100',
  featureNotSupported: '0A000',
  insufficientPrivilege: '42501',
  idleInTransactionTimeout: '25P03',
  idleSessionTimeout: '57P05',
  invalidAuthorization: '28000',
  invalidCatalogName: '3D000',
  invalidPassword: '28P01',
  lockNotAvailable: '55P03',
  objectInUse: '55006',
  objectNotInPrerequisiteState: '55000',
  protocolViolation: '08P01',
  queryCanceled: '57014',
  readOnlyTransaction: '25006',
  serializationFailure: '40001',
  tooManyConnections: '53300',
  transactionTimeout: '25P04',
  undefinedObject: '42704',
  undefinedSchema: '3F000',
  undefinedTable: '42P01',
  uniqueViolation: '23505',
} as const;

/** Classes that blame a row: data exception, integrity constraint violation, an error raised by a trigger. */
const ROW_CLASSES = new Set(['22', '23', 'P0']);

/**
 * Codes that blame a row, of a class that does not: program_limit_exceeded (a value too large for jsonb or for an index of
 * the table) and statement_too_complex (nested deeper than Postgres's stack allows).
 */
const ROW_CODES = new Set(['54000', '54001']);

/** What an SQLSTATE says about another attempt. */
export function verdictOf(sqlstate: string): Verdict {
  return Object.hasOwn(VERDICTS, sqlstate) ? (VERDICTS[sqlstate] ?? 'final') : 'final';
}

/**
 * The SQLSTATE of an error that Postgres answered, on Citus the one that it had at the worker; undefined for any other error.
 */
export function sqlstateOf(error: unknown): string | undefined {
  // Postgres sends a code with every error; XX000 is its own for what has none.
  return error instanceof pg.DatabaseError ? sqlstateAtWorker(error.code ?? 'XX000', error.message) : undefined;
}

/** Whether Postgres refused a row for what is in it, so that the rows around it can still be written. */
export function blamesRow(error: unknown): boolean {
  return isOfRow(sqlstateOf(error) ?? '');
}

/** invalid_binary_representation: of a value whose column has another width than it had; the same of every row. */
const OF_COLUMN = '22P03';

/** Whether an SQLSTATE says that a row was refused for what is in it. */
export function isOfRow(sqlstate: string): boolean {
  if (sqlstate === OF_COLUMN) return false;
  return ROW_CLASSES.has(sqlstate.slice(0, 2)) || ROW_CODES.has(sqlstate);
}
