import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasErrorCode } from './error-code.ts';
import { runProgram } from './run-program.ts';

const pollMs = 20;

/** Above every process id an operating system hands out. */
const pidOfNobody = 2 ** 31 - 1;

/** The process id of the Postgres that runs on a cluster (its real path), or undefined when none does. */
export async function findPostmaster(cluster: string): Promise<number | undefined> {
  const pid = Number((await readPidFile(cluster))?.split('\n')[0]);
  return pid > 0 && (await isPostmaster(pid, cluster)) ? pid : undefined;
}

/**
 * Makes a pid file left by a killed Postgres harmless. Postgres would refuse to start when the process id in it has
 * been given to another process since (usual in containers), or is that of a zombie. Only the id is replaced: the
 * rest of the file lets Postgres see that child processes of the killed one are still ending.
 * Call it only when `findPostmaster` found none.
 */
export async function disarmStalePidFile(cluster: string): Promise<void> {
  const text = await readPidFile(cluster);
  if (text === undefined) return;
  const rest = text.split('\n').slice(1);
  await writeFile(join(cluster, 'postmaster.pid'), [pidOfNobody, ...rest].join('\n'));
}

/** Resolves when the process no longer runs on the cluster. Throws when it still does after `timeoutMs`. */
export async function waitForExit(pid: number, cluster: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (await isPostmaster(pid, cluster)) {
    if (performance.now() > deadline) throw new Error(`Postgres (process ${pid}) has not ended in ${timeoutMs} ms`);
    await sleep(pollMs);
  }
}

async function readPidFile(cluster: string): Promise<string | undefined> {
  try {
    return await readFile(join(cluster, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** A postmaster was started as `<folder>/postgres -D <cluster>`; the command line of a zombie is empty. */
async function isPostmaster(pid: number, cluster: string): Promise<boolean> {
  const command = await readCommand(pid);
  return command.includes('postgres') && command.endsWith(`-D ${cluster}`);
}

async function readCommand(pid: number): Promise<string> {
  if (process.platform !== 'linux') {
    const self = { name: 'the current user', uid: undefined, gid: undefined };
    const { exitCode, output } = await runProgram('ps', ['-ww', '-o', 'command=', '-p', String(pid)], self);
    return exitCode === 0 ? output : '';
  }
  try {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return text.replaceAll('\0', ' ').trim();
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
}
