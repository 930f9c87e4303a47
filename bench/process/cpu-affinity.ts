import { spawnSync } from 'node:child_process';
import { familyOf } from './proc-stat.ts';

/** Why processes cannot be bound to cores on this machine, or undefined. */
export function whyNoAffinity(cores: number): string | undefined {
  if (cores < 2) return 'there is one core only';
  return spawnSync('taskset', ['--version']).status === 0 ? undefined : 'taskset (util-linux) is not installed';
}

/**
 * Binds a process with all its threads, and those that are children of it, to a list of cores such as `0` or `0-3`.
 * What they start later is bound with them.
 * @throws when the process is gone or the cores do not exist
 */
export function bindToCores(pid: number, cores: string): void {
  for (const member of familyOf(pid)) {
    const { status, stderr } = spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(member)], {
      encoding: 'utf8',
    });
    // A backend may have ended meanwhile; the process itself must not have.
    if (status !== 0 && member === pid) throw new Error(`taskset ${cores}: ${stderr}`);
  }
}
