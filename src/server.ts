import closeWithGrace from 'close-with-grace';
import { ConfigError, readConfig } from './config.ts';
import { startServer } from './start-server.ts';

/** Longest time from SIGTERM to exit, in ms. */
const GRACE_MS = 30_000;

try {
  const server = await startServer(readConfig(process.env));
  closeWithGrace({ delay: GRACE_MS }, async ({ signal, err }) => {
    if (err !== undefined) server.log.fatal({ err }, 'closing after an unexpected error');
    else server.log.info({ signal }, 'closing');
    await server.close();
    server.log.info('closed');
  });
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : describe(error)}\n`);
  process.exitCode = 1;
}

function describe(error: unknown): string {
  return error instanceof Error ? `The server could not start: ${error.stack}` : String(error);
}
