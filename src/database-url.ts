import { ConfigError } from './errors/start-error.ts';

/** The parts of a connection URL as libpq reads it; what is not there is undefined. */
export interface DatabaseUrl {
  user?: string | undefined;
  password?: string | undefined;
  host?: string | undefined;
  port?: string | undefined;
  database?: string | undefined;
  /** Of the query, each of a name that is known here. */
  parameters: ReadonlyMap<string, string>;
}

/** The parameters that are honoured; each means what libpq's of that name does. */
const PARAMETERS = [
  'host',
  'port',
  'dbname',
  'user',
  'password',
  'sslmode',
  'ssl',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'options',
  'application_name',
  'connect_timeout',
] as const;
export type UrlParameter = (typeof PARAMETERS)[number];

/** Those of them that are secrets. */
export const SECRET_PARAMETERS: readonly UrlParameter[] = ['password', 'sslpassword'];

/** Authority, database, query. */
const FORM = /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^/?#@]*))?(?:\?([^#]*))?$/;

/** A host, one in brackets is IPv6, and a port. */
const ADDRESS = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/;

// The URL itself is never repeated: it may carry a password.
const MALFORMED =
  'DATABASE_URL must have the form postgres://user:password@host:port/database. In user, password and database ' +
  'percent-encode what a URL keeps for itself: % as %25, # as %23, / as %2F, ? as %3F, @ as %40, : as %3A.';

/**
 * Reads a connection URL strictly. Not by pg-connection-string, which pg uses: it reads a URL whose password has a `#` as
 * another host, keeps the last of two `sslmode`, takes any parameter and any protocol, and turns a plus sign into a blank,
 * so that what it returns no longer shows what to refuse (`test/database-url.test.ts`).
 * @throws ConfigError that names what is wrong, and no value
 */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const [, authority = '', database, query] = FORM.exec(text) ?? [];
  // All that stands before the last `@` is user and password.
  const at = authority.lastIndexOf('@');
  const credentials = at === -1 ? undefined : authority.slice(0, at);
  const [whole, host = '', port] = ADDRESS.exec(authority.slice(at + 1)) ?? [];
  if (!FORM.test(text) || whole === undefined) throw new ConfigError(MALFORMED);
  const colon = credentials?.indexOf(':') ?? -1;
  return {
    user: decode(colon === -1 ? credentials : credentials?.slice(0, colon)),
    password: colon === -1 ? undefined : decode(credentials?.slice(colon + 1)),
    host: decode(host.startsWith('[') ? host.slice(1, -1) : host),
    port: decode(port),
    database: decode(database),
    parameters: parseParameters(query),
  };
}

function parseParameters(query = ''): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of query.split('&').filter((each) => each !== '')) {
    const equals = part.indexOf('=');
    const name = equals === -1 ? undefined : decode(part.slice(0, equals));
    if (name === undefined) throw new ConfigError(MALFORMED);
    if (!PARAMETERS.some((known) => known === name)) {
      throw new ConfigError(
        `DATABASE_URL: the parameter ${/^\w{1,40}$/.test(name) ? name : 'of that name'} is not supported; ` +
          `supported: ${PARAMETERS.join(', ')}.`,
      );
    }
    if (parameters.has(name)) throw new ConfigError(`DATABASE_URL: ${name} is given twice.`);
    parameters.set(name, decode(part.slice(equals + 1)) ?? '');
  }
  return parameters;
}

/** Percent-decoding alone: a plus sign is a plus sign, as in libpq. Nothing is undefined. */
function decode(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError(MALFORMED);
  }
}
