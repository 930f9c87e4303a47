import closeWithGrace from 'close-with-grace';
import { ConfigError, readConfig } from './config.ts';
import { StartError } from './errors/start-error.ts';
import { startServer } from './start-server.ts';

/** Time for what follows the files' grace period (rolling back, closing), in ms; then the process exits anyway. */
const CLOSING_MS = 20_000;

try {
  const config = readConfig(process.env);
  const server = await startServer(config);
  closeWithGrace({ delay: config.shutdownGraceMs + CLOSING_MS }, async ({ signal, err }) => {
    if (err !== undefined) server.log.fatal({ err }, 'closing after an unexpected error');
    else server.log.info({ signal }, 'closing');
    await server.close();
    server.log.info('closed');
  });
} catch (error) {
  process.stderr.write(
    `${error instanceof ConfigError || error instanceof StartError ? error.message : describe(error)}\n`,
  );
  process.exitCode = 1;
}

function describe(error: unknown): string {
  return error instanceof Error ? `The server could not start: ${error.stack}` : String(error);
}
