import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasErrorCode } from './error-code.ts';
import { folderId } from './folder-id.ts';
import { commandOf, listProcesses } from './process-list.ts';
import type { RunAccount } from './run-program.ts';
import { readText, replaceFile } from './safe-files.ts';

const pollMs = 20;
const orphanExitMs = 5000;

/** Above every process id an operating system hands out. */
const pidOfNobody = 2 ** 31 - 1;

/**
 * The `cluster_name` of a cluster (its real path). Postgres shows it in the command lines of the child processes of
 * the postmaster, by which they are found when the postmaster is gone.
 */
export function processTitle(cluster: string): string {
  return `bucket-loader-${folderId(cluster)}`;
}

/** The process id of the postmaster that runs on a cluster (its real path), or undefined when none does. */
export async function findPostmaster(cluster: string): Promise<number | undefined> {
  const pid = Number((await readPidFile(cluster))?.split('\n')[0]);
  return pid > 0 && (await isPostmaster(pid, cluster)) ? pid : undefined;
}

/** The same, without waiting for anything, from its pid file alone. */
export function findPostmasterNow(cluster: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);
    if (!(pid > 0) || pid === pidOfNobody) return undefined;
    process.kill(pid, 0);
    // The file is the account's that Postgres runs as, which could name any process in it.
    const isOther = process.platform === 'linux' && !isCommand(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), cluster);
    return isOther ? undefined : pid;
  } catch {
    return undefined;
  }
}

/** Resolves when the postmaster has ended. Throws when it has not after `timeoutMs`. */
export async function waitForExit(pid: number, cluster: string, timeoutMs: number): Promise<void> {
  const hasEnded = await poll(async () => !(await isPostmaster(pid, cluster)), timeoutMs);
  if (!hasEnded) throw new Error(`Postgres (process ${pid}) has not ended in ${timeoutMs} ms`);
}

/**
 * Clears up after a postmaster that was killed; call it only when `findPostmaster` finds none.
 *
 * Its child processes are ended, as in a crash: one that is busy with a long statement would notice the end of the
 * postmaster only after it, and keep the next one from starting. And the pid file is made harmless: Postgres would
 * refuse to start when the process id in it has been given to another process since (usual in containers) or is that
 * of a zombie. Only the id is replaced; the rest lets Postgres see whether child processes are left.
 */
export async function clearAfterKill({ cluster, account }: { cluster: string; account: RunAccount }): Promise<void> {
  await endChildren(cluster);
  const text = await readPidFile(cluster);
  if (text === undefined) return;
  const rest = text.split('\n').slice(1);
  await replaceFile(account, join(cluster, 'postmaster.pid'), [pidOfNobody, ...rest].join('\n'));
}

async function endChildren(cluster: string): Promise<void> {
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    for (const pid of await findChildren(cluster)) sendSignal(pid, signal);
    if (await poll(async () => (await findChildren(cluster)).length === 0, orphanExitMs)) return;
  }
  throw new Error(`Child processes of a killed Postgres do not end: ${(await findChildren(cluster)).join(', ')}`);
}

async function findChildren(cluster: string): Promise<number[]> {
  const start = `postgres: ${processTitle(cluster)}:`;
  return (await listProcesses()).filter(({ command }) => command.startsWith(start)).map(({ pid }) => pid);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasErrorCode(error, 'ESRCH')) throw error;
  }
}

async function readPidFile(cluster: string): Promise<string | undefined> {
  return await readText(join(cluster, 'postmaster.pid'));
}

/** A postmaster was started as `<folder>/postgres -D <cluster>`. */
async function isPostmaster(pid: number, cluster: string): Promise<boolean> {
  return isCommand(await commandOf(pid), cluster);
}

function isCommand(text: string, cluster: string): boolean {
  const command = text.replaceAll('\0', ' ').trim();
  return command.includes('postgres') && command.endsWith(`-D ${cluster}`);
}

async function poll(condition: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await sleep(pollMs);
  }
  return true;
}
