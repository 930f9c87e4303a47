import { lstat, rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '../errors/start-error.ts';
import { clearAfterKill, findPostmaster, findPostmasterNow, waitForExit } from './postmaster-process.ts';
import { type RunAccount, runProgram } from './run-program.ts';
import { appendToFile, openToRead } from './safe-files.ts';

/** What it takes to start and stop Postgres on one cluster. */
export type PostmasterOptions = { pgCtl: string; cluster: string; logFile: string; account: RunAccount };

/** How Postgres ends: `fast` rolls transactions back and flushes, `immediate` leaves that to the next start. */
export type StopMode = 'fast' | 'immediate';

/** Crash recovery after a kill reads the WAL since the last checkpoint, which can take minutes. */
const startSeconds = 600;
const stopSeconds = 60;
const memoryFreedMs = 10_000;
const largestLogBytes = 10_000_000;
const logTailBytes = 3000;

/**
 * Starts Postgres on a cluster on which none runs, and waits until it accepts connections (at most 10 minutes).
 * Throws an error with the end of Postgres's log when it does not start; then none is left running.
 */
export async function startPostmaster(options: PostmasterOptions): Promise<void> {
  await prepareLog(options);
  const deadline = performance.now() + memoryFreedMs;
  for (;;) {
    await clearAfterKill(options);
    const logStart = await fileSize(options.logFile);
    const { exitCode, output } = await pgCtl(options, 'start', '-t', String(startSeconds), '-l', options.logFile);
    if (exitCode === 0) return;
    const log = await readTail(options.logFile, logStart);
    await stopPostmaster(options, 'immediate');
    // The memory of the child processes of a killed Postgres may be freed a moment after their end.
    const isEnding = log.includes('pre-existing shared memory block');
    if (!isEnding || performance.now() > deadline) throw new StartError(describeFailure('start', output, log));
    await sleep(100);
  }
}

/**
 * Stops the Postgres that runs on the cluster, if any, or what is left of a killed one, and waits for its end. When `fast` takes more than 60 seconds,
 * `immediate` follows: nothing committed is lost, the next start recovers.
 * Throws an error with the end of Postgres's log when it cannot be stopped.
 */
export async function stopPostmaster(options: PostmasterOptions, mode: StopMode): Promise<void> {
  const pid = await findPostmaster(options.cluster);
  if (pid === undefined) return await clearAfterKill(options);
  const { exitCode, output } = await pgCtl(options, 'stop', '-t', String(stopSeconds), '-m', mode);
  if (exitCode !== 0 && (await findPostmaster(options.cluster)) === pid) {
    if (mode === 'fast') return await stopPostmaster(options, 'immediate');
    throw new Error(describeFailure('stop', output, await readTail(options.logFile, 0)));
  }
  await waitForExit(pid, options.cluster, stopSeconds * 1000);
}

/** Ends the postmaster by SIGKILL, as a crash would, and waits for its end. Its child processes end on their own when idle. */
export async function killPostmaster(cluster: string): Promise<void> {
  const pid = await findPostmaster(cluster);
  if (pid === undefined) return;
  process.kill(pid, 'SIGKILL');
  await waitForExit(pid, cluster, stopSeconds * 1000);
}

/** Asks the postmaster to end at once, as in a crash, and waits for nothing: for the exit of this process. */
export function quitPostmaster(cluster: string): void {
  const pid = findPostmasterNow(cluster);
  if (pid !== undefined) process.kill(pid, 'SIGQUIT');
}

function pgCtl({ pgCtl, cluster, account }: PostmasterOptions, command: string, ...args: readonly string[]) {
  return runProgram(pgCtl, [command, '-w', '-D', cluster, ...args], account);
}

function describeFailure(action: string, output: string, log: string): string {
  return `Postgres did not ${action}. pg_ctl says: ${output}\nEnd of Postgres's log:\n${log}`;
}

async function prepareLog({ logFile, account }: PostmasterOptions): Promise<void> {
  if ((await fileSize(logFile)) > largestLogBytes) await rename(logFile, `${logFile}.old`);
  await appendToFile(account, logFile, '');
}

async function fileSize(path: string): Promise<number> {
  return (await lstat(path).catch(() => undefined))?.size ?? 0;
}

async function readTail(path: string, start: number): Promise<string> {
  const file = await openToRead(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const from = Math.max(start, size - logTailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(logTailBytes), 0, logTailBytes, from);
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    await file.close();
  }
}
