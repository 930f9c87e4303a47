import { readdir, readFile } from 'node:fs/promises';
import { hasErrorCode } from './error-code.ts';
import { runProgram } from './run-program.ts';

export type ProcessEntry = { pid: number; command: string };

/**
 * The running processes this user may see, with their command lines (arguments separated by one space); without
 * zombies. Reads /proc on Linux (slim container images have no `ps`), else asks `ps`.
 */
export async function listProcesses(): Promise<ProcessEntry[]> {
  if (process.platform !== 'linux') return await listWithPs();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const entries = await Promise.all(pids.map(async (pid) => ({ pid, command: await readCommand(pid) })));
  return entries.filter(({ command }) => command !== '');
}

/** The command line of one process; empty when it has ended or is a zombie. */
export async function commandOf(pid: number): Promise<string> {
  if (process.platform === 'linux') return await readCommand(pid);
  return (await listWithPs()).find((entry) => entry.pid === pid)?.command ?? '';
}

async function readCommand(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return text.replaceAll('\0', ' ').trim();
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
}

async function listWithPs(): Promise<ProcessEntry[]> {
  const self = { name: 'the current user', uid: undefined, gid: undefined };
  const { output } = await runProgram('ps', ['-axww', '-o', 'pid=,command='], self);
  return output.split('\n').flatMap((line) => {
    const [, pid, command] = /^(\d+)\s+(\S.*)$/.exec(line.trim()) ?? [];
    return pid === undefined || command === undefined ? [] : [{ pid: Number(pid), command }];
  });
}
