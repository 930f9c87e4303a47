import { userInfo } from 'node:os';
import { z } from 'zod';
import { type TlsSettings, tlsOf } from './database-tls.ts';
import { type DatabaseUrl, parseDatabaseUrl, type UrlParameter } from './database-url.ts';
import { ConfigError } from './errors/start-error.ts';
import type { DatabaseAddress } from './store/connection-options.ts';

const portNumber = z.coerce.number().int().min(0).max(65_535);

/** The settings that say where Postgres is, by their environment variables. */
export const databaseEnvironment = {
  DATABASE_URL: z.string().optional(),
  BOX_DB_HOST: z.string().optional(),
  BOX_DB_PORT: portNumber.optional(),
  BOX_DB_DATABASE: z.string().optional(),
  BOX_DB_USER: z.string().optional(),
  BOX_DB_PASSWORD: z.string().optional(),
  PGHOST: z.string().optional(),
  PGPORT: portNumber.optional(),
  PGDATABASE: z.string().optional(),
  PGUSER: z.string().optional(),
  PGPASSWORD: z.string().optional(),
  PGOPTIONS: z.string().optional(),
  PGSSLMODE: z.string().optional(),
  PGSSLROOTCERT: z.string().optional(),
  PGSSLCERT: z.string().optional(),
  PGSSLKEY: z.string().optional(),
};
const environmentObject = z.object(databaseEnvironment);
type Environment = z.infer<typeof environmentObject>;

/** Variables of libpq that say where to connect or how safely, and that are not honoured. */
const NOT_SUPPORTED = [
  'PGHOSTADDR',
  'PGSERVICE',
  'PGSERVICEFILE',
  'PGTARGETSESSIONATTRS',
  'PGREQUIREAUTH',
  'PGREQUIREPEER',
  'PGREQUIRESSL',
  'PGCHANNELBINDING',
  'PGSSLCRL',
  'PGSSLCRLDIR',
  'PGSSLMINPROTOCOLVERSION',
  'PGSSLMAXPROTOCOLVERSION',
  'PGSSLNEGOTIATION',
];

/**
 * DATABASE_URL first, then Aidbox's BOX_DB_*, then Postgres's own PG*; none of them: undefined.
 * @param all the whole environment, to refuse what would be dropped in silence
 * @throws ConfigError
 */
export function databaseAddress(env: Environment, all: Readonly<Record<string, string | undefined>>) {
  const url = env.DATABASE_URL === undefined ? undefined : parseDatabaseUrl(env.DATABASE_URL);
  const byName = [env.BOX_DB_HOST, env.BOX_DB_DATABASE, env.PGHOST, env.PGDATABASE].some(
    (value) => value !== undefined,
  );
  if (url === undefined && !byName) return undefined;
  const dropped = NOT_SUPPORTED.find((name) => all[name] !== undefined);
  if (dropped !== undefined) throw new ConfigError(`${dropped} is not supported; unset it.`);
  return url === undefined ? addressByName(env) : addressOfUrl(url, env);
}

/**
 * The addresses of LOADER_DATA_URLS, separated by commas; what a URL does not say, the PG* say.
 * @throws ConfigError that names what is wrong, and no value
 */
export function dataAddresses(text: string, env: Environment): 'auto' | readonly DatabaseAddress[] {
  if (text === 'auto') return text;
  try {
    const urls = splitUrls(text).filter((url) => url !== '');
    return urls.map((url) => addressOfUrl(parseDatabaseUrl(url), env));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.message.replaceAll('DATABASE_URL', 'LOADER_DATA_URLS'));
  }
}

/** URLs of Postgres separated by commas. A comma in a password is percent-encoded, or not followed by a URL. */
export function splitUrls(text: string): string[] {
  return text.split(/,(?=\s*postgres(?:ql)?:\/\/)/).map((url) => url.trim());
}

function addressByName(env: Environment): DatabaseAddress {
  const user = env.BOX_DB_USER ?? env.PGUSER ?? userInfo().username;
  return address(
    {
      host: env.BOX_DB_HOST ?? env.PGHOST ?? 'localhost',
      port: env.BOX_DB_PORT ?? env.PGPORT ?? 5432,
      user,
      database: env.BOX_DB_DATABASE ?? env.PGDATABASE ?? user,
      password: env.BOX_DB_PASSWORD ?? env.PGPASSWORD,
      options: env.PGOPTIONS,
    },
    tlsOf(tlsOfEnvironment(env)),
  );
}

/** What the URL does not say, the PG* say, as for libpq. */
function addressOfUrl(url: DatabaseUrl, env: Environment): DatabaseAddress {
  const parameter = (name: UrlParameter) => url.parameters.get(name);
  const user = parameter('user') ?? url.user ?? env.PGUSER ?? userInfo().username;
  const port = parameter('port') ?? url.port;
  return address(
    {
      host: parameter('host') ?? url.host ?? env.PGHOST ?? 'localhost',
      port: port === undefined ? (env.PGPORT ?? 5432) : toPort(port),
      user,
      database: parameter('dbname') ?? url.database ?? env.PGDATABASE ?? user,
      password: parameter('password') ?? url.password ?? env.PGPASSWORD,
      options: parameter('options') ?? env.PGOPTIONS,
      applicationName: parameter('application_name'),
      connectTimeoutMs: toTimeout(parameter('connect_timeout')),
    },
    tlsOf({ ...tlsOfEnvironment(env), ...tlsOfUrl(parameter) }),
  );
}

function tlsOfEnvironment(env: Environment): TlsSettings {
  return {
    mode: named('PGSSLMODE', env.PGSSLMODE),
    rootCertificate: named('PGSSLROOTCERT', env.PGSSLROOTCERT),
    certificate: named('PGSSLCERT', env.PGSSLCERT),
    key: named('PGSSLKEY', env.PGSSLKEY),
  };
}

function tlsOfUrl(parameter: (name: UrlParameter) => string | undefined): TlsSettings {
  const setting = (name: UrlParameter) => named(`${name} in DATABASE_URL`, parameter(name));
  const ssl = parameter('ssl');
  // As libpq reads it for those who come from JDBC; anything else would look like TLS and be none.
  if (ssl !== undefined && (ssl !== 'true' || parameter('sslmode') !== undefined)) {
    throw new ConfigError('ssl in DATABASE_URL can only be true, and without sslmode; sslmode says more.');
  }
  const given: TlsSettings = {
    mode: ssl === undefined ? setting('sslmode') : { name: 'ssl in DATABASE_URL', value: 'require' },
    rootCertificate: setting('sslrootcert'),
    certificate: setting('sslcert'),
    key: setting('sslkey'),
    passphrase: setting('sslpassword'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function named(name: string, value: string | undefined) {
  return value === undefined ? undefined : { name, value };
}

interface Given {
  host: string;
  port: number;
  user: string;
  database: string;
  password: string | undefined;
  options: string | undefined;
  applicationName?: string | undefined;
  connectTimeoutMs?: number | undefined;
}

function address({ host, port, user, database, ...maybe }: Given, ssl: DatabaseAddress['ssl']): DatabaseAddress {
  if (host.includes(',')) throw new ConfigError('The database has several hosts; only one is supported.');
  const some = Object.fromEntries(Object.entries({ ...maybe, ssl }).filter(([, value]) => value !== undefined));
  return { host, port, user, database, ...some };
}

function toPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) <= 65_535) return Number(text);
  throw new ConfigError('The port in DATABASE_URL must be a number from 1 to 65535.');
}

/** In libpq 0 and nothing mean to wait for ever; here the loader's own limit counts then. */
function toTimeout(text: string | undefined): number | undefined {
  if (text === undefined || text === '0') return undefined;
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1_000;
  throw new ConfigError('connect_timeout in DATABASE_URL must be a number of seconds.');
}
