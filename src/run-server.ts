import type { CompileCache } from './compile-cache.ts';
import { readConfig } from './config.ts';
import { StartError } from './errors/start-error.ts';
import { startBanner } from './start-banner.ts';
import { startServer } from './start-server.ts';
import { handleTermination } from './termination.ts';
import { readVersion } from './version.ts';

/** Time for what follows the files' grace period (rolling back, closing), in ms; then the process exits anyway. */
const CLOSING_MS = 20_000;

/**
 * Runs the server that the environment describes, until a signal ends it. Reports failures itself; never throws.
 * @param keepCode keeps what has been compiled in this thread for the next start, after the first load; the sources leave that to Node
 */
export async function runServer(compileCache: CompileCache, keepCode?: () => void): Promise<void> {
  outliveOutput();
  try {
    const config = readConfig(process.env);
    const starting = startServer({ ...config, keepCode });
    // From the start on: a signal in mid-start would leave an embedded Postgres behind.
    handleTermination({
      timeoutMs: config.shutdownGraceMs + CLOSING_MS,
      async close(cause) {
        const server = await starting;
        if ('error' in cause) server.log.fatal({ err: cause.error }, 'closing after an unexpected error');
        else server.log.info({ signal: cause.signal }, 'closing');
        try {
          await server.close();
          server.log.info('closed');
        } finally {
          await server.logged();
        }
      },
      onFurther: (cause) =>
        process.stderr.write(
          `The server is closing already (${'signal' in cause ? cause.signal : describe(cause.error)}).\n`,
        ),
    });
    const server = await starting;
    const { url, database, log } = server;
    log.debug({ compileCache }, 'compiled code of the program');
    if (process.stdout.isTTY) {
      const embedded = config.database === undefined;
      const banner = { version: readVersion(), url, database, embedded, clientId: config.rootClient?.id };
      process.stdout.write(startBanner(banner).join('\n'));
    }
    // A thread takes longer than the rest of the start, and answers do not need one.
    await server.ready().catch(async (error: unknown) => {
      await server.close();
      throw error;
    });
  } catch (error) {
    process.stderr.write(`${describe(error)}\n`);
    process.exitCode = 1;
  }
}

/**
 * A closed terminal is no reason to end in another way: unheard, the error of a line that it does not take would be an unexpected
 * one, whose own line fails as well, and so on for ever.
 */
function outliveOutput(): void {
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
}

function describe(error: unknown): string {
  if (error instanceof StartError) return error.message;
  return error instanceof Error ? `The server could not start: ${error.stack}` : String(error);
}
