import { resolve } from 'node:path';
import pg from 'pg';
import type { Config } from './config.ts';
import { unusableFolder } from './embedded-postgres/unusable-folder.ts';
import { isConnectionLoss } from './errors/connection-loss.ts';
import { postgresMessage } from './errors/postgres-message.ts';
import { SessionTimeout } from './errors/session-timeout.ts';
import { SQLSTATE, sqlstateOf } from './errors/sqlstate.ts';
import { StartError } from './errors/start-error.ts';
import type { DatabaseAddress } from './store/connection-options.ts';

const SETTINGS = 'DATABASE_URL, or BOX_DB_* or PG*';

/** What to do about an SQLSTATE that a start meets; the manual has them in appendix A. */
const ADVICE: Readonly<Record<string, string>> = {
  [SQLSTATE.invalidPassword]: `Set the user and the password in ${SETTINGS}.`,
  [SQLSTATE.invalidAuthorization]: `Set a role that exists and may log in in ${SETTINGS}; where pg_hba.conf asks for TLS, set sslmode.`,
  [SQLSTATE.invalidCatalogName]: `Create the database, or set another one in ${SETTINGS}.`,
  [SQLSTATE.insufficientPrivilege]: 'docs/operations.md has the grants that the role needs.',
  [SQLSTATE.tooManyConnections]: 'Raise max_connections, or the CONNECTION LIMIT of the role.',
  [SQLSTATE.cannotConnectNow]: 'Wait until Postgres has started, or restart the loader then.',
  [SQLSTATE.readOnlyTransaction]:
    'It takes no writes; set the primary, not a standby, and no default_transaction_read_only for the role or database.',
};

/** Words of OpenSSL and Node for a certificate that is not to be trusted. */
const CERTIFICATE = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** What keeps the server from its database, in a sentence with what to set; an error that nobody expected stays as it is. */
export function explainDatabase(error: unknown, address: DatabaseAddress): unknown {
  if (error instanceof StartError || !(error instanceof Error)) return error;
  const { host, port, user, database } = address;
  const at = `Postgres at ${host}:${port} (user ${user}, database ${database})`;
  if (error instanceof SessionTimeout) return new StartError(`${at}: ${error.message}.`, { cause: error });
  if (error instanceof pg.DatabaseError) {
    const advice = ADVICE[sqlstateOf(error) ?? ''] ?? '';
    return new StartError(`${at} refused: ${postgresMessage(error)}. ${advice}`.trim(), { cause: error });
  }
  const code = codeOf(error);
  if (CERTIFICATE.has(code)) {
    const advice = 'Set sslrootcert to the file of its authority, or the host to a name that the certificate has.';
    return new StartError(`${at}: its certificate is not trusted: ${error.message}. ${advice}`, { cause: error });
  }
  if (address.ssl !== undefined && code === '') {
    return new StartError(`${at}: ${error.message}. It may not have TLS, which sslmode asks for.`, { cause: error });
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || isConnectionLoss(error)) {
    const reason = error.message === '' ? code : error.message;
    return new StartError(`${at} cannot be reached: ${reason}. Check ${SETTINGS}, and that Postgres runs.`, {
      cause: error,
    });
  }
  return error;
}

/** What the system says of a folder or a disk that cannot be written to. */
const UNWRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR', 'EEXIST']);

/** The same for the folder of the embedded Postgres. */
export function explainDataFolder(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !(UNWRITABLE.has(codeOf(error)) || isMissingIn(error, folder))) return error;
  return unusableFolder(`No database is configured, and an embedded Postgres cannot use data folder ${folder}`, error);
}

/** Whether the system says of the folder, or of what is to be made in it, that it cannot be there, as below /proc. */
function isMissingIn(error: Error, folder: string): boolean {
  if (codeOf(error) !== 'ENOENT' || !('path' in error)) return false;
  const [path, wanted] = [String(error.path), resolve(folder)];
  return path.startsWith(wanted) || wanted.startsWith(path);
}

/** The same for the port that the server is to listen on. */
export function explainListen(error: unknown, { host, port }: Pick<Config, 'host' | 'port'>): unknown {
  if (!(error instanceof Error)) return error;
  const say = (text: string) => new StartError(text, { cause: error });
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return say(`Port ${port} on ${host} is in use by another program. Set BOX_WEB_PORT to a free one.`);
    case 'EACCES':
      return say(`This user may not listen on port ${port}. Set BOX_WEB_PORT to one above 1023.`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return say(`This machine has no address ${host}. Set BOX_WEB_HOST to one of its own, as 127.0.0.1 or 0.0.0.0.`);
    default:
      return error;
  }
}

/** The same for the threads that load the files. */
export function explainThreads(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return new StartError(
    `No worker thread, which files are loaded in, can start: ${error.message}. Check NODE_OPTIONS, and the limits of this user ` +
      'and container on threads and memory.',
    { cause: error },
  );
}

/** The same for Node started with --permission: threads, files and programs are each allowed by a flag, which Node names. */
export function explainPermissions(error: unknown): unknown {
  if (!(error instanceof Error) || codeOf(error) !== 'ERR_ACCESS_DENIED') return error;
  return new StartError(`Node was started with --permission, without what the server needs: ${error.message}`, {
    cause: error,
  });
}

/** The code of an error, or of what it gathers: one host with several addresses fails once for each. */
function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code;
  const [first] = error instanceof AggregateError ? error.errors : [];
  return first instanceof Error ? codeOf(first) : '';
}
