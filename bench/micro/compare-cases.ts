import { median } from '../report/median.ts';
import { textTable } from '../report/text-table.ts';

/** One thing to measure: `run` goes once over `bytes` bytes, which its figures are per GB of. */
export interface MicroCase {
  readonly name: string;
  readonly bytes: number;
  run(): Promise<void>;
}

const ROUNDS = 5;

/**
 * Prints CPU time (user and system, all threads of this process) and wall time per GB of each case, medians. The cases
 * run in turn, as the machine's speed drifts; a first round only warms up.
 */
export async function compareCases(title: string, cases: readonly MicroCase[]): Promise<void> {
  const figures = new Map(cases.map((one) => [one, { cpu: [] as number[], wall: [] as number[] }]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [one, { cpu, wall }] of figures) {
      const started = performance.now();
      const before = process.cpuUsage();
      await one.run();
      const { user, system } = process.cpuUsage(before);
      if (round === 0) continue;
      const gigabytes = one.bytes / 1e9;
      cpu.push((user + system) / 1e6 / gigabytes);
      wall.push((performance.now() - started) / 1000 / gigabytes);
    }
  }
  console.log(`\n${title}, medians of ${ROUNDS}`);
  const rows = [...figures].map(([{ name }, { cpu, wall }]) => [name, median(cpu).toFixed(2), median(wall).toFixed(2)]);
  console.log(textTable(['', 'CPU s/GB', 'wall s/GB'], rows));
}
