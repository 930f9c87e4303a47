import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of threads, in seconds. */
export interface ThreadTimes {
  userS: number;
  systemS: number;
}

/** Of the kernel's clock as /proc shows it; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time of a Node process by the kind of its threads, which Node names; of those that have not ended. */
export function threadTimes(pid: number): Map<string, ThreadTimes> {
  const times = new Map<string, ThreadTimes>();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, 'latin1');
    const nameEnd = stat.lastIndexOf(')');
    const kind = id === String(pid) ? 'main thread' : kindOf(stat.slice(stat.indexOf('(') + 1, nameEnd));
    // Behind the name: state, ppid, …; utime is field 14 of all, thus 11 here.
    const fields = stat.slice(nameEnd + 2).split(' ');
    const of = times.get(kind) ?? { userS: 0, systemS: 0 };
    times.set(kind, {
      userS: of.userS + Number(fields[11]) / TICKS_PER_SECOND,
      systemS: of.systemS + Number(fields[12]) / TICKS_PER_SECOND,
    });
  }
  return times;
}

function kindOf(name: string): string {
  if (name === 'WorkerThread') return 'worker threads';
  if (name.startsWith('libuv')) return 'thread pool';
  return name.startsWith('V8') ? "V8's own" : 'others';
}
