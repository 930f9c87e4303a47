import { Command } from 'commander';

const SETTINGS = `
Settings are environment variables; the most needed ones:
  BOX_WEB_HOST, BOX_WEB_PORT       where to listen (127.0.0.1, 8888); the live page is at /
  BOX_ROOT_CLIENT_SECRET           the client's secret; needed to listen beyond this machine
  DATABASE_URL, or BOX_DB_*, PG*   the Postgres to load into; without one, an embedded Postgres for trying out
  LOG_LEVEL                        info by default; one JSON line an event

Examples:
  $ fhir-bucket-loader serve
  $ DATABASE_URL=postgres://loader:…@db/fhir BOX_WEB_HOST=0.0.0.0 BOX_ROOT_CLIENT_SECRET=… fhir-bucket-loader serve`;

/** `serve`: the server, as `npm start` runs it. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('Run the server until Ctrl-C.')
    .addHelpText('after', SETTINGS)
    .action(async () => {
      await import('../../server.ts');
    });
}
