import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ServerProcess {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Resolves when the process has ended, by itself or not, with the reason and its last output. */
  readonly ended: Promise<Error>;
  /** Asks the server to end and waits until it has; resolves also when it already had. */
  stop(): Promise<void>;
}

const ENTRY = fileURLToPath(new URL(`../src/server${extname(import.meta.url)}`, import.meta.url));

/** Time for the server to start, migrations included, and to end, in ms. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** Lines of the server's log that an error repeats. */
const LOG_LINES = 15;

/**
 * Starts the server as a process of its own, as `npm start` does, on a free port.
 * @throws with the end of its log when it does not start, or the signal's reason
 */
export async function startServerProcess(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<ServerProcess> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ENTRY], {
    env: { ...environment, BOX_WEB_HOST: '127.0.0.1', BOX_WEB_PORT: '0', LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: string[] = [];
  const listening = Promise.withResolvers<string>();
  const onLine = (line: string) => {
    log.push(line);
    if (log.length > LOG_LINES) log.shift();
    const url = /"msg":"POST (http:\/\/[^"/]+)\/rpc"/.exec(line)?.[1];
    if (url !== undefined) listening.resolve(url);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
  const ended = endOf(child, log);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  };
  try {
    return { url: await started(listening.promise, ended, signal), ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function endOf(child: ChildProcess, log: readonly string[]): Promise<Error> {
  try {
    const [code, signal] = await once(child, 'close');
    return new Error(`The server ended (${signal ?? `exit code ${code}`}). Its log:\n${log.join('\n')}`);
  } catch (cause) {
    return new Error('The server could not be started', { cause });
  }
}

async function started(listening: Promise<string>, ended: Promise<Error>, signal: AbortSignal): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  const given = Promise.withResolvers<never>();
  const giveUp = () => given.reject(signal.aborted ? signal.reason : new Error('The server did not start in time'));
  limit.addEventListener('abort', giveUp, { once: true });
  try {
    const died = ended.then((reason) => {
      throw reason;
    });
    return await Promise.race([listening, died, given.promise]);
  } finally {
    limit.removeEventListener('abort', giveUp);
  }
}
