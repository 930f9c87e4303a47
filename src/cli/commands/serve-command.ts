import { Command, InvalidArgumentError } from 'commander';
import { SECRET_PARAMETERS } from '../../database-url.ts';
import { CliError, EXIT } from '../exit-codes.ts';

const SETTINGS = `
Settings are environment variables; the most needed ones:
  BOX_WEB_HOST, BOX_WEB_PORT       where to listen (127.0.0.1, 8888); the live page is at /
  BOX_ROOT_CLIENT_SECRET           the client's secret; needed to listen beyond this machine
  DATABASE_URL, or BOX_DB_*, PG*   the Postgres to load into; without one, an embedded Postgres for trying out
  LOG_LEVEL                        info by default; JSON, a line an event, unless it goes to a terminal
All of them, and what each is now: fhir-bucket-loader config

Examples:
  $ fhir-bucket-loader serve
  $ fhir-bucket-loader serve --port 9999 --database-url postgres://loader@db/fhir
  $ DATABASE_URL=postgres://loader:…@db/fhir BOX_WEB_HOST=0.0.0.0 BOX_ROOT_CLIENT_SECRET=… fhir-bucket-loader serve`;

interface ServeOptions {
  host?: string;
  port?: number;
  databaseUrl?: string;
}

/** `serve`: the server, as `npm start` runs it. An option overrides its environment variable. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('Run the server until Ctrl-C.')
    .option('--host <address>', 'where to listen, instead of BOX_WEB_HOST')
    .option('--port <port>', 'the port, instead of BOX_WEB_PORT; 0 is any free one', toPort)
    .option('--database-url <url>', 'the Postgres, instead of DATABASE_URL; without its password', toDatabaseUrl)
    .addHelpText('after', SETTINGS)
    .action(async ({ host, port, databaseUrl }: ServeOptions) => {
      if (host !== undefined) process.env['BOX_WEB_HOST'] = host;
      if (port !== undefined) process.env['BOX_WEB_PORT'] = String(port);
      if (databaseUrl !== undefined) process.env['DATABASE_URL'] = databaseUrl;
      await import('../../server.ts');
    });
}

function toPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('It must be 0 to 65535.');
  return Number(text);
}

function toDatabaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.password !== '' || SECRET_PARAMETERS.some((name) => url.searchParams.has(name)))) {
    // Not an InvalidArgumentError, whose message repeats the argument.
    throw new CliError(
      EXIT.usage,
      'Other users can see command lines: set the password with PGPASSWORD, or the whole URL with DATABASE_URL.',
    );
  }
  return text;
}
