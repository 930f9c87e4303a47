import pg from 'pg';
import { ClientError } from './client-error.ts';
import { isDatabaseUnreachable, toFailure } from './failure.ts';

/**
 * What of an error a client may see. Postgres's own words are shown: the client runs that database, and they name
 * neither hosts nor secrets. Errors of the loader itself stay in the log.
 * @returns the ClientError, or undefined when the error is internal
 */
export function toClientError(error: unknown): ClientError | undefined {
  if (error instanceof ClientError) return error;
  const failure = toFailure(error);
  if (isDatabaseUnreachable(failure)) {
    const problem = failure.code === '25006' ? 'takes no writes (is it a standby?)' : 'cannot be reached now';
    return new ClientError('database-unavailable', `The database ${problem}; try again.`, { code: failure.code });
  }
  if (!(error instanceof pg.DatabaseError)) return undefined;
  return new ClientError(
    'domain-error',
    `The database refused: ${failure.message}`,
    { code: failure.code },
    { cause: error },
  );
}
