import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Closing } from './last-first.ts';
import { programEnvironment } from './program-environment.ts';
import type { LoadStatus, RpcBody } from './test-server.ts';
import { waitFor } from './wait-for.ts';

/** One line of a server's log. */
export interface LogLine {
  level: number;
  msg: string;
  [field: string]: unknown;
}

export interface ServerProcessOptions {
  databaseUrl: string;
  env?: Readonly<Record<string, string>>;
  /** What runs: by default the checkout's own `src/server.ts`. */
  program?: string;
  /** Files and sockets that the process may have open (`ulimit -n`). */
  openFiles?: number;
}

/** Time for a server to start on a busy machine, in ms. */
const START_TIMEOUT_MS = 300_000;

/** The loader as its users run it: `node src/server.ts`, a process of its own that can be killed. */
export class ServerProcess {
  /** All that the process wrote so far, standard output and standard error. */
  output = '';

  readonly #child: ChildProcess;
  readonly #exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #url: string | undefined;
  #wasKilled = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exit = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  /**
   * Starts a server on a free port and waits until it listens; after `t` it is killed if it still runs.
   * @throws with its output when it does not start
   */
  static async start(t: Closing, options: ServerProcessOptions): Promise<ServerProcess> {
    const server = ServerProcess.spawn(t, options);
    await server.listening();
    return server;
  }

  /** The same without waiting. */
  static spawn(
    t: Closing,
    { databaseUrl, env, openFiles, program = 'src/server.ts' }: ServerProcessOptions,
  ): ServerProcess {
    const limit = openFiles === undefined ? '' : `ulimit -n ${openFiles} && `;
    const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, process.execPath, program], {
      cwd: fileURLToPath(new URL('../../', import.meta.url)),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: programEnvironment({
        DATABASE_URL: databaseUrl,
        BOX_WEB_PORT: '0',
        S3_ALLOW_PRIVATE_HOSTS: 'true',
        LOG_LEVEL: 'info',
        ...env,
      }),
    });
    const server = new ServerProcess(child);
    t.after(async () => {
      await server.kill();
    });
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** `http://host:port`; throws before the server listens. */
  get url(): string {
    if (this.#url === undefined) throw new Error('the server does not listen');
    return this.#url;
  }

  /** Waits until the server listens. Throws with its output when it ended instead. */
  async listening(): Promise<void> {
    this.#url = await waitFor(
      () => {
        if (!this.running) throw new Error(`the server ended: ${this.output}`);
        return /"msg":"POST (http:\S+)\/rpc"/.exec(this.output)?.[1];
      },
      { timeoutMs: START_TIMEOUT_MS, what: 'the start of a server' },
    );
  }

  /** The log so far, by line. */
  get log(): LogLine[] {
    return this.output
      .split('\n')
      .flatMap((line) => (line.startsWith('{"level"') ? [JSON.parse(line) as LogLine] : []));
  }

  /** One RPC call, of `aidbox.bulk/` where the method has no other prefix. Throws when the server cannot be reached. */
  async rpc(method: string, params: object, headers: Readonly<Record<string, string>> = {}): Promise<RpcAnswer> {
    const response = await fetch(`${this.url}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ method: method.includes('/') ? method : `aidbox.bulk/${method}`, params }),
    });
    return { status: response.status, body: (await response.json()) as RpcBody };
  }

  /** What it says of a bucket now. */
  async status(bucket: string): Promise<LoadStatus> {
    return (await this.rpc('load-from-bucket-status', { bucket: `s3://${bucket}` })).body.result as LoadStatus;
  }

  /** Waits until it says that a bucket is no longer `in-progress`. */
  async ended(bucket: string, timeoutMs: number): Promise<LoadStatus> {
    const isEnded = async () => {
      const status = await this.status(bucket);
      return status.state !== 'in-progress' && status;
    };
    return await waitFor(isEnded, { timeoutMs, what: 'the end of the load' });
  }

  /** Resolves when the process has ended by itself, with how. */
  get exited(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return this.#exit;
  }

  /** Whether a test has killed it, by `kill`. */
  get wasKilled(): boolean {
    return this.#wasKilled;
  }

  /** SIGSTOP: it keeps its memory, its connections and its locks, and does nothing, until `thaw`. */
  freeze(): void {
    if (this.running) this.#child.kill('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    if (this.running) this.#child.kill('SIGCONT');
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.running) {
      this.#wasKilled = true;
      this.#child.kill('SIGKILL');
    }
    await this.#exit;
  }

  /** SIGTERM; resolves with how the process ended. */
  async terminate(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    if (this.running) this.#child.kill('SIGTERM');
    return await this.#exit;
  }
}

export interface RpcAnswer {
  status: number;
  body: RpcBody;
}
