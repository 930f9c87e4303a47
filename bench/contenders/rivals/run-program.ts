import { spawn, spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { cappedText } from './capped-text.ts';

/** A command of another tool. */
export interface Command {
  program: string;
  args: readonly string[];
  /** Besides the bench's own. */
  env?: Readonly<Record<string, string>>;
  /** File that is its standard input. */
  stdin?: string;
}

/** Runs a command to its end. @throws with the end of its output when it fails */
export async function runProgram({ program, args, env = {}, stdin }: Command): Promise<void> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const output = cappedText([child.stdout, child.stderr]);
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (stdin !== undefined && child.stdin !== null) await pipeline(createReadStream(stdin), child.stdin);
  const code = await exit;
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${output()}`);
}

/** Whether a program is there and starts. */
export function starts(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
