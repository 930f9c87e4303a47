import { SQLSTATE, sqlstateOf } from './sqlstate.ts';

/** Postgres's settings, by the SQLSTATE with which it says that they have passed. */
const SETTINGS: Readonly<Record<string, string>> = {
  [SQLSTATE.queryCanceled]: 'statement_timeout',
  [SQLSTATE.idleInTransactionTimeout]: 'idle_in_transaction_session_timeout',
  [SQLSTATE.transactionTimeout]: 'transaction_timeout',
  [SQLSTATE.idleSessionTimeout]: 'idle_session_timeout',
};

/**
 * A timeout of the role, its database or the server has ended a session before the loader had set it to 0 there: it is shorter than
 * it takes to begin one. It may pass by chance, and for good once somebody raises it.
 */
export class SessionTimeout extends Error {
  override readonly name = 'SessionTimeout';
  /** SQLSTATE; that of a database that takes no connections where Postgres's own has another meaning in the answer to a statement. */
  readonly code: string;

  constructor(sqlstate: string, setting: string, role: string, cause: unknown) {
    super(
      `${setting} of role ${role}, of its database or of the server is shorter than it takes to begin a session, in which the loader sets it to 0; ` +
        `raise it: alter role "${role}" set ${setting} = '1min'`,
      { cause },
    );
    this.code = sqlstate === SQLSTATE.queryCanceled ? SQLSTATE.cannotConnectNow : sqlstate;
  }
}

/** The timeout that an error of a session's first statement tells of; undefined for any other error. */
export function sessionTimeoutOf(error: unknown, role: string): SessionTimeout | undefined {
  const sqlstate = sqlstateOf(error) ?? '';
  const setting = Object.hasOwn(SETTINGS, sqlstate) ? SETTINGS[sqlstate] : undefined;
  return setting === undefined ? undefined : new SessionTimeout(sqlstate, setting, role, error);
}
