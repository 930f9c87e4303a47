import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** A command of another tool. */
export interface Command {
  program: string;
  args: readonly string[];
  /** Besides the bench's own. */
  env?: Readonly<Record<string, string>>;
}

/** What is kept of a program's output, in characters. */
const MOST_CHARACTERS = 4_000;

/** Runs a command to its end. @throws with the end of its output when it fails */
export async function runProgram({ program, args, env = {} }: Command): Promise<void> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-MOST_CHARACTERS);
    });
  }
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${output}`);
}

/** Whether a program is there and starts. */
export function starts(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
