import pg from 'pg';
import { NoFirstAnswer } from '../errors/no-first-answer.ts';
import { sessionTimeoutOf } from '../errors/session-timeout.ts';
import { type Statement, Statements } from './statement.ts';

/** Where Postgres is. Plain data, so that it can be handed to a worker thread. Carries the password: never log it. */
export interface DatabaseAddress {
  host: string;
  port: number;
  user: string;
  database: string;
  password?: string;
  /** Undefined: no TLS. Certificates and keys are PEM texts. */
  ssl?:
    | {
        rejectUnauthorized: boolean;
        checkHostname: boolean;
        ca?: string | undefined;
        cert?: string | undefined;
        key?: string | undefined;
        passphrase?: string | undefined;
      }
    | undefined;
  /** libpq's `options`: command-line options of the session, as `-csearch_path=app`. */
  options?: string | undefined;
  /** Instead of the loader's own. */
  applicationName?: string | undefined;
  /** How long one attempt to connect may take, in ms; by default the loader's own limit. */
  connectTimeoutMs?: number | undefined;
}

/** The name that the loader's sessions carry in pg_stat_activity. */
export const APPLICATION_NAME = 'fhir-bucket-loader';

/** How long one attempt to connect may take, in ms. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The options of `pg.Client` and `pg.Pool` for this address. */
export function connectionOptions(address: DatabaseAddress): pg.ClientConfig {
  const { ssl, options, applicationName, connectTimeoutMs, ...rest } = address;
  return {
    ...rest,
    // Said in any case: pg would ask the environment otherwise.
    ssl: ssl === undefined ? false : tlsOptions(ssl),
    ...(options === undefined ? {} : { options }),
    application_name: applicationName ?? APPLICATION_NAME,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    connectionTimeoutMillis: connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
  };
}

function tlsOptions({ checkHostname, ...given }: NonNullable<DatabaseAddress['ssl']>) {
  return {
    ...given,
    ...(checkHostname ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** No timeout of the role ends a COPY that waits for S3. */
const TIMEOUTS = [
  'statement_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
  'lock_timeout',
];

/** First of all: a timeout of the role that is shorter would end what follows. */
const END_TIMEOUTS: Statement<void> = {
  text: `select case when current_setting(name, true) is not null then set_config(name, '0', false) end
           from unnest($1::text[]) as timeout(name)`,
  values: [TIMEOUTS],
  read: () => {},
};

/**
 * Session settings that bound what a dead peer can hold: a client host that vanished is noticed by keepalive after 30 s + 3 × 10 s and then rolled
 * back, with its locks, in the middle of a long CREATE INDEX too (client_connection_check_interval; a server on
 * Windows refuses it). The others have what the loader's statements mean not depend on defaults of the role or database. A setting
 * that the server does not know is left out.
 */
const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  tcp_keepalives_idle: '30',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
  tcp_user_timeout: '60000',
  client_connection_check_interval: '10s',
  client_min_messages: 'warning',
  // Where it is on, types and tables have names that nothing here compares equal.
  quote_all_identifiers: 'off',
  // A file waits for what others change and then goes on with it: under a stricter one two files of one table, which have no
  // resource in common, end each other, and one that only meets such an end time and again fails.
  default_transaction_isolation: 'read committed',
  // NULL in an array is null, not the word: a file without an ETag would have the ETag NULL.
  array_nulls: 'on',
  // With few digits a number that is written to be read again, as of a place in a table, is not readable.
  extra_float_digits: '1',
  // Of Citus, whose COPY has a connection to a worker for each shard: with its own 1 each file makes them anew, and a load
  // of small files took 2.6 times as long.
  'citus.max_cached_conns_per_worker': '16',
};

/** Without pg_settings, which makes texts of all settings: two looks there took a third of the CPU time that a new session takes Postgres. */
const APPLY_SETTINGS: Statement<void> = {
  text: `select case when current_setting(name, true) is not null then set_config(name, value, false) end
           from unnest($1::text[], $2::text[]) as wanted(name, value)
          where name <> 'client_connection_check_interval' or version() !~* 'windows|mingw|visual'`,
  values: [Object.keys(SESSION_SETTINGS), Object.values(SESSION_SETTINGS)],
  read: () => {},
};

/** Postgres spends most of a load on TOAST compression, and lz4 takes a fraction of pglz's time. */
function preferToastCompression(method: string): Statement<void> {
  return {
    text: `do $$ begin perform set_config('default_toast_compression', ${pg.escapeLiteral(method)}, false);
           exception when invalid_parameter_value or undefined_object then null;
           end $$`,
    read: () => {},
  };
}

/**
 * Gives a fresh session that much memory for temporary tables, unless server or role have chosen. Behind a pooler it may have had some
 * before: Postgres then refuses, and they stay as small as they are.
 */
function enlargeTempBuffers(size: string): Statement<void> {
  return {
    text: `do $$ begin
             if current_setting('temp_buffers') = '8MB' then set temp_buffers = ${pg.escapeLiteral(size)}; end if;
           exception when invalid_parameter_value then null;
           end $$`,
    read: () => {},
  };
}

/** What a fresh connection is to be sent first: the loader's session settings. The caller may add to it. */
export function sessionStatements({
  toastCompression,
  tempBuffers,
}: Pick<ClientOptions, 'toastCompression' | 'tempBuffers'>): Statements {
  const statements = new Statements();
  statements.add(END_TIMEOUTS);
  statements.add(APPLY_SETTINGS);
  if (toastCompression !== undefined) statements.add(preferToastCompression(toastCompression));
  if (tempBuffers !== undefined) statements.add(enlargeTempBuffers(tempBuffers));
  return statements;
}

/**
 * Does what a new connection needs before it is used.
 * @param ms how long that may take, as an attempt to connect may
 * @throws NoFirstAnswer where it takes longer, SessionTimeout where a timeout of the role is shorter
 */
export async function withinConnectTime<T>(
  client: pg.ClientBase,
  work: () => Promise<T>,
  ms: number = CONNECT_TIMEOUT_MS,
): Promise<T> {
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    // Its statement in flight fails with that.
    if (client instanceof pg.Client) closeAtOnce(client);
  }, ms);
  try {
    return await work();
  } catch (error) {
    if (isOver) throw new NoFirstAnswer(ms);
    throw sessionTimeoutOf(error, client instanceof pg.Client ? (client.user ?? '') : '') ?? error;
  } finally {
    clearTimeout(timer);
  }
}

export interface ClientOptions {
  /** Its name in pg_stat_activity, if it is to be distinguishable; at most 63 bytes. */
  applicationName?: string;
  /** How large values are compressed where a column does not say; ignored by a server that does not know it. */
  toastCompression?: 'lz4';
  /** Memory for its temporary tables, where the server has Postgres's default; taken as they need it, kept until the session ends. */
  tempBuffers?: string;
}

/** A connection of one's own, with the session prepared; the caller ends it. */
export async function connectClient(address: DatabaseAddress, options: ClientOptions = {}): Promise<pg.Client> {
  const { applicationName } = options;
  const name = applicationName === undefined ? {} : { application_name: applicationName };
  const client = new pg.Client({ ...connectionOptions(address), ...name });
  // Without a listener a connection lost while idle would end the process; the next query reports the loss.
  client.on('error', () => {});
  try {
    await client.connect();
    await withinConnectTime(client, () => sessionStatements(options).send(client), address.connectTimeoutMs);
  } catch (error) {
    closeAtOnce(client);
    throw error;
  }
  return client;
}

/** Closes a connection without waiting for what it is at; what it is at fails. */
export function closeAtOnce(client: pg.Client): void {
  client.end().catch(() => {
    // It is gone already.
  });
}
