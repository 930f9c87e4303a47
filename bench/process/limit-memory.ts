import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { familyOf } from './proc-stat.ts';

const ROOT = '/sys/fs/cgroup';

/**
 * Gives a process, its children and all that they start later no more than so much memory, cached file pages
 * included, by a control group of their own (either version; wants Linux and root).
 * @returns removes the group, once these processes have ended
 * @throws when the machine has no such groups or this user may not make one
 */
export function limitMemory(pid: number, megabytes: number): () => void {
  const isVersion1 = existsSync(join(ROOT, 'memory'));
  const group = join(ROOT, isVersion1 ? 'memory' : '', `fhir-bench-${pid}`);
  mkdirSync(group);
  const limit = isVersion1 ? 'memory.limit_in_bytes' : 'memory.max';
  writeFileSync(join(group, limit), String(megabytes * 1024 * 1024));
  for (const member of familyOf(pid)) writeFileSync(join(group, 'cgroup.procs'), String(member));
  return () => rmdirSync(group);
}
