/** Name of the variable in which the global setup hands the address of the Postgres server to the test files. */
export const serverUrlVariable = 'TEST_PG_URL';

/** What `new pg.Client()` and `new pg.Pool()` need to reach a database. */
export type TestConnection = {
  host: string;
  port: number;
  user: string;
  database: string;
  password?: string;
  /** Command-line options of the session. */
  options?: string;
};

/**
 * Turns a `postgres:` URL (host in the `host` parameter for a Unix socket folder) into a plain connection object.
 * Throws when the text is not a URL.
 */
export function connectionFromUrl(text: string): TestConnection {
  const url = new URL(text);
  const password = decodeURIComponent(url.password);
  return {
    host: url.searchParams.get('host') ?? url.hostname,
    port: Number(url.searchParams.get('port') ?? (url.port === '' ? 5432 : url.port)),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(password === '' ? {} : { password }),
  };
}

/** The `postgres:` URL of a connection; a host that is a path goes into the `host` parameter, as libpq and pg read it. */
export function urlFromConnection(connection: TestConnection): string {
  const isSocket = connection.host.startsWith('/');
  const url = new URL('postgres://localhost');
  url.pathname = `/${encodeURIComponent(connection.database)}`;
  url.username = encodeURIComponent(connection.user);
  if (connection.password !== undefined) url.password = encodeURIComponent(connection.password);
  if (isSocket) url.searchParams.set('host', connection.host);
  else url.hostname = connection.host;
  url.port = String(connection.port);
  if (connection.options !== undefined) url.searchParams.set('options', connection.options);
  return url.href;
}

/**
 * The connection to the test server's maintenance database, from TEST_PG_URL (set by the global setup), else from
 * TEST_DATABASE_URL. Throws when neither is set.
 */
export function testServerConnection(): TestConnection {
  const url = process.env[serverUrlVariable] ?? process.env['TEST_DATABASE_URL'];
  if (url === undefined) {
    throw new Error(
      'No test database: run the tests with --test-global-setup=test/support/global-setup.ts or set TEST_DATABASE_URL.',
    );
  }
  return connectionFromUrl(url);
}
