import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { programEnvironment } from '../support/program-environment.ts';

/** The command line's program, as `bin` names it. */
export const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** What a run of the command line said, and how it ended. */
export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A run in progress. */
export interface CliRun {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  ended: Promise<CliResult>;
}

/** Starts the program by its shebang, with nothing of this process's environment but the path to Node and its cache. */
export function startCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): CliRun {
  const child = spawn(CLI, args, {
    env: programEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...texts }));
  return { child, stdout: () => texts.stdout, stderr: () => texts.stderr, ended };
}

/** Runs the program to its end. */
export async function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
  return await startCli(args, env).ended;
}
