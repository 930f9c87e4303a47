import { readdirSync, readFileSync } from 'node:fs';

/** Of the kernel's clock as /proc shows it; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time, user and system, of a process with all its threads, in seconds. 0 when it is gone. */
export function cpuSeconds(pid: number): number {
  const stat = readStat(pid);
  return stat === undefined ? 0 : (stat.own ?? 0) / TICKS_PER_SECOND;
}

/** CPU time, user and system, of a process's main thread alone, in seconds. 0 when it is gone. */
export function mainThreadCpuSeconds(pid: number): number {
  return (readStat(`${pid}/task/${pid}`)?.own ?? 0) / TICKS_PER_SECOND;
}

/** CPU time of child processes that this process has waited for, and of those that they waited for, in seconds. */
export function endedChildrenCpuSeconds(): number {
  return (readStat(process.pid)?.endedChildren ?? 0) / TICKS_PER_SECOND;
}

/** CPU time of a process and of all its children, ended or not: of Postgres, by the pid of its postmaster. */
export function familyCpuSeconds(pid: number): number {
  const ended = (readStat(pid)?.endedChildren ?? 0) / TICKS_PER_SECOND;
  return familyOf(pid).reduce((sum, member) => sum + cpuSeconds(member), ended);
}

/** A process and its children, by process id. */
export function familyOf(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return [pid, ...all.map(Number).filter((one) => readStat(one)?.parent === pid)];
}

/** The most memory that a process has ever had resident (VmHWM), in bytes. */
export function peakRssBytes(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

function readStat(pid: number | string): { parent: number; own: number; endedChildren: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold anything. Behind it: state, ppid, …; utime is field 14 of all, thus 11 here.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const sum = (first: number) => (fields[first] ?? 0) + (fields[first + 1] ?? 0);
    return { parent: fields[1] ?? 0, own: sum(11), endedChildren: sum(13) };
  } catch {
    return undefined;
  }
}
