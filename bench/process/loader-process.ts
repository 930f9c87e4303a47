import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join, resolve } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { FileServer } from '../s3/start-file-server.ts';
import { cpuSeconds, peakRssBytes } from './proc-stat.ts';
import { ServerLog } from './server-log.ts';

export interface LoaderProcessOptions {
  databaseUrl: string;
  /** Root of the source tree to run; by default this one. */
  tree?: string | undefined;
  /** Options of `node` itself, such as `--cpu-prof`. */
  nodeArguments?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** What one load took. */
export interface LoadFigures {
  /** From the call to `completed`, in s. */
  wallS: number;
  /** CPU time of the server process with its threads, in s. */
  cpuS: number;
}

const THIS_TREE = fileURLToPath(new URL('../../', import.meta.url));
/** Longest time that a load may take, in ms. */
const LOAD_TIMEOUT_MS = 1_800_000;

/** Without CPU time for so long, in ms, a server just started has nothing more to do. */
const SETTLE_MS = 500;
/** Under a profiler (`--cpu-prof`) it never is without, and how much a profiler takes differs by machine: after so long, in ms, the start is over. */
const MOST_SETTLING_MS = 10_000;

const answerSchema = z.object({
  result: z.object({ state: z.string().optional(), progress: z.record(z.string(), z.unknown()) }).optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** The sources; with `BENCH_BUILD` what `npm run build` has made of them, which is what the npm package runs. */
function programOf(tree: string): string {
  return join(tree, process.env['BENCH_BUILD'] === undefined ? 'src/server.ts' : 'dist/src/server.js');
}

/** The loader's server as its users start it, in a process of its own. */
export class LoaderProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #log: ServerLog;
  readonly #url: string;

  private constructor(child: ChildProcess, log: ServerLog, url: string) {
    this.#child = child;
    // From now on: a server that has ended by itself tells nothing more.
    this.#exited = once(child, 'exit');
    this.#log = log;
    this.#url = url;
  }

  /** @throws with the end of its output when the server does not start */
  static async start({ databaseUrl, tree, nodeArguments = [], env }: LoaderProcessOptions): Promise<LoaderProcess> {
    const program = programOf(resolve(tree ?? THIS_TREE));
    const child = spawn(process.execPath, [...nodeArguments, program], {
      env: {
        ...process.env,
        LOG_LEVEL: 'info',
        // The floor copies the lines as they stand; a contender that converts says so.
        LOADER_FORMAT: 'as-is',
        DATABASE_URL: databaseUrl,
        BOX_WEB_PORT: '0',
        S3_ALLOW_PRIVATE_HOSTS: 'true',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // A bench that fails or is interrupted leaves no server behind.
    const kill = () => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    const log = new ServerLog(child.stdout);
    const server = new LoaderProcess(child, log, await log.url);
    await server.#settle();
    return server;
  }

  /** Loads a bucket and waits for its end. @throws when the load does not end as `completed`, all files done */
  async load(bucket: string, server: Pick<FileServer, 'account'>, params: object): Promise<LoadFigures> {
    const pid = this.pid;
    const cpuBefore = cpuSeconds(pid);
    const started = Date.now();
    const name = `s3://${bucket}`;
    const end = this.#log.loadEnd();
    await this.#call('load-from-bucket', { bucket: name, account: server.account, ...params });
    const timeout = delay(LOAD_TIMEOUT_MS, undefined, { ref: false });
    // The log tells the end to the millisecond; asking for the status again and again would cost the server CPU time.
    const ended = await Promise.race([end, timeout]);
    const cpuS = cpuSeconds(pid) - cpuBefore;
    const { state, progress } = await this.#call('load-from-bucket-status', { bucket: name });
    if (ended === undefined || state !== 'completed' || progress['done'] !== progress['total']) {
      const first = await this.#firstFault();
      throw new Error(`the load of ${bucket} ended as ${state}: ${JSON.stringify(progress)}, ${first}`);
    }
    return { wallS: (ended - started) / 1000, cpuS };
  }

  /** Calls for a bucket, and waits for the answer only: what it took until then. */
  async call(bucket: string, server: Pick<FileServer, 'account'>): Promise<LoadFigures> {
    const cpuBefore = cpuSeconds(this.pid);
    const started = performance.now();
    await this.#call('load-from-bucket', { bucket: `s3://${bucket}`, account: server.account });
    return { wallS: (performance.now() - started) / 1000, cpuS: cpuSeconds(this.pid) - cpuBefore };
  }

  /** The most memory that the process has had resident since its start, in bytes. */
  peakRss(): number {
    return peakRssBytes(this.pid);
  }

  /** @param signal SIGKILL does not wait for what is loading */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    await this.#exited;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until the process has done what it does at its start, so that none of that falls into a load. */
  async #settle(): Promise<void> {
    let before = cpuSeconds(this.pid);
    for (let waitedMs = 0; waitedMs < MOST_SETTLING_MS; waitedMs += SETTLE_MS) {
      await delay(SETTLE_MS);
      const now = cpuSeconds(this.pid);
      if (now === before) return;
      before = now;
    }
  }

  async #firstFault(): Promise<string> {
    return await (await fetch(`${this.#url}/LoaderFile?status=error&_count=1`)).text();
  }

  async #call(method: string, params: object) {
    // Not `fetch`, which gives up after five minutes: a call is answered when a whole bucket is listed.
    const sent = request(`${this.#url}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
    });
    sent.end(JSON.stringify({ method: `aidbox.bulk/${method}`, params }));
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.on('response', resolve).on('error', reject);
    });
    const { result, error } = answerSchema.parse(await json(response));
    if (result === undefined) throw new Error(`${method} was refused: ${error?.message}`);
    return result;
  }
}
