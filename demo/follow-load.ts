import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const COMMAND_LINE = fileURLToPath(new URL(`../src/cli/main${extname(import.meta.url)}`, import.meta.url));

/** The command line's exit codes for a load that has ended: all files done, some failed, interrupted. */
const ENDED = [0, 2, 3];

/**
 * Shows a load until it has ended, by the command line that users have for it: `fhir-bucket-loader status --follow`.
 * @param server its address and the root client's secret, which goes by the environment
 * @throws when the command line could not follow, or the signal's reason
 */
export async function followLoad(
  bucket: string,
  server: { url: string; secret: string },
  signal: AbortSignal,
): Promise<void> {
  const child = spawn(process.execPath, [COMMAND_LINE, 'status', bucket, '--follow', '--url', server.url], {
    env: { ...process.env, BOX_ROOT_CLIENT_ID: 'root', BOX_ROOT_CLIENT_SECRET: server.secret },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const kill = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const [code] = await once(child, 'exit').finally(() => signal.removeEventListener('abort', kill));
  signal.throwIfAborted();
  if (!ENDED.includes(code)) throw new Error(`Following the load failed with exit code ${code}.`);
}
