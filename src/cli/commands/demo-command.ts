import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { CliError, EXIT } from '../exit-codes.ts';

interface DemoOptions {
  resources?: string;
  seed?: string;
  keep?: boolean;
}

const ENTRY = fileURLToPath(new URL(`../../../demo/run-demo${extname(import.meta.url)}`, import.meta.url));

/** `demo`: a bucket of generated FHIR data, a Postgres and a server, all of them gone at the end. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('Show a load from nothing: generated FHIR data in an S3 endpoint, an embedded Postgres, the server.')
    .option('--resources <n>', 'how many resources')
    .option('--seed <n>', 'the same seed makes the same data')
    .option('--keep', 'leave all running until Ctrl-C, to look around')
    .action(async ({ resources, seed, keep }: DemoOptions) => {
      if (!existsSync(ENTRY))
        throw new CliError(EXIT.usage, 'The demo comes with the source only, not with the image.');
      const args = [
        ...(resources === undefined ? [] : [`--resources=${resources}`]),
        ...(seed === undefined ? [] : [`--seed=${seed}`]),
        ...(keep === true ? ['--keep'] : []),
      ];
      process.exitCode = await run(args);
    });
}

/** In a process of its own: the demo minds interrupts, and its exit codes, by itself. */
async function run(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ENTRY, ...args], {
    stdio: 'inherit',
  });
  // A terminal's Ctrl-C reaches the child by itself; this process only has to outlive it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
