import { atOnce } from '../../../src/indexes/at-once.ts';
import type { BenchData, BenchFile } from '../../dataset/bench-data.ts';
import { endedChildrenCpuSeconds } from '../../process/proc-stat.ts';
import type { BenchDeps, Contender } from '../contender.ts';
import { inLoaderOrder } from '../server-copy.ts';
import { type Command, runProgram } from './run-program.ts';

/** Another tool, as its documentation says that it is used. */
export interface Rival extends Omit<Contender, 'run' | 'compression' | 'data' | 'floor'> {
  /** Why it cannot run on this machine, or undefined. */
  whyNot(): string | undefined;
  /** A command for each file, or for all files of a type, `threads` of them at a time; or one command for everything. */
  commands:
    | { each(file: BenchFile, parts: BenchDeps): Command }
    | { eachType(type: string, data: BenchData, parts: BenchDeps): Command }
    | { all(data: BenchData, parts: BenchDeps): Command };
}

/** @param floor name of the contender that is its floor */
export function rivalContender({ commands, ...rival }: Rival, data: BenchData, floor: string): Contender {
  return {
    ...rival,
    data,
    compression: 'pglz',
    floor,
    async run(parts) {
      const cpuBefore = endedChildrenCpuSeconds();
      const started = performance.now();
      const files = inLoaderOrder(data.files);
      if ('all' in commands) await runProgram(commands.all(data, parts));
      else if ('each' in commands) await atOnce(parts.threads, files, (file) => runProgram(commands.each(file, parts)));
      else {
        const types = new Set(files.map(({ type }) => type));
        await atOnce(parts.threads, [...types], (type) => runProgram(commands.eachType(type, data, parts)));
      }
      return { wallS: (performance.now() - started) / 1000, cpuS: endedChildrenCpuSeconds() - cpuBefore };
    },
  };
}
