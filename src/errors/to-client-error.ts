import { ClientError } from './client-error.ts';
import { isDatabaseUnreachable, toFailure } from './failure.ts';
import { FileError } from './file-error.ts';
import { TOO_MANY_OPEN_FILES } from './open-files.ts';
import { PoolBusy } from './pool-busy.ts';
import { serverClosing } from './server-closing.ts';
import { SessionTimeout } from './session-timeout.ts';
import { SQLSTATE, sqlstateOf } from './sqlstate.ts';

/** What is wrong with a database that takes no rows, by SQLSTATE. */
const PROBLEMS: Readonly<Record<string, string>> = {
  [SQLSTATE.readOnlyTransaction]: 'takes no writes (is it a standby?)',
  [SQLSTATE.diskFull]: 'has no disk space left',
  [SQLSTATE.tooManyConnections]:
    'has no connection free: loads and other programs use as many as Postgres, the role or a pooler allows',
};

/** That the server's own login is refused, which no other request mends, by SQLSTATE. */
const LOGIN_REFUSALS: readonly string[] = [SQLSTATE.invalidAuthorization, SQLSTATE.invalidPassword];

/**
 * What of an error a client may see: why a bucket cannot be read, and Postgres's own words, since the client runs that
 * database; neither holds a secret. Unexpected errors stay in the log.
 * @returns the ClientError, or undefined when the error is internal
 */
export function toClientError(error: unknown): ClientError | undefined {
  if (error instanceof ClientError) return error;
  if (isOfEndedPool(error)) return serverClosing();
  if (error instanceof PoolBusy) return new ClientError('busy', `Try again: ${error.message}.`);
  const { source, code, message } = toFailure(error);
  if (error instanceof SessionTimeout) {
    return new ClientError('database-unavailable', `The database cannot be used now: ${error.message}.`, { code });
  }
  if (isDatabaseUnreachable({ source, code })) {
    const problem = PROBLEMS[code] ?? 'cannot be reached now';
    return new ClientError('database-unavailable', `The database ${problem}; try again.`, { code });
  }
  if (LOGIN_REFUSALS.includes(code)) {
    const mend = 'Mend the role, its password or pg_hba.conf, or restart the server with another DATABASE_URL';
    const text = `The database refuses the server's login: ${message}. ${mend}.`;
    return new ClientError('database-unavailable', text, { code });
  }
  if (code === TOO_MANY_OPEN_FILES) return new ClientError('database-unavailable', `Try again: ${message}.`, { code });
  if (error instanceof FileError) return new ClientError('domain-error', message, { code }, { cause: error });
  if (sqlstateOf(error) === undefined) return undefined;
  return new ClientError('domain-error', `The database refused: ${message}`, { code }, { cause: error });
}

/** A request that was still being answered when the server let go of its connections; pg's error has neither class nor code. */
function isOfEndedPool(error: unknown): boolean {
  return error instanceof Error && error.message === 'Cannot use a pool after calling end on the pool';
}
