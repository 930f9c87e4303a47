import { FAULTS } from './faults.ts';
import { MatrixCluster } from './matrix-cluster.ts';
import { type Cell, runCell, TYPE } from './run-cell.ts';
import { STEPS } from './steps.ts';

export interface MatrixOptions {
  /** Only steps, and faults, whose names (`scene: step`) match. */
  steps?: RegExp;
  faults?: RegExp;
  print: (line: string) => void;
}

/** Every step with every fault. */
export async function runMatrix({ steps = /./, faults = /./, print }: MatrixOptions): Promise<Cell[]> {
  const closing: (() => Promise<void>)[] = [];
  const cells: Cell[] = [];
  try {
    const cluster = await MatrixCluster.start({ after: (close) => closing.push(close) });
    await cluster.createTable(TYPE);
    await cluster.sql(`create index ${TYPE}_note on ${TYPE} ((resource ->> 'code'))`);
    for (const step of STEPS.filter(({ scene, name }) => steps.test(`${scene}: ${name}`))) {
      for (const fault of FAULTS.filter(({ name }) => faults.test(name))) {
        const cell = await runCell(cluster, step, fault);
        cells.push(cell);
        print(lineOf(cell));
      }
    }
    return cells;
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

export function isGood({ outcome }: Cell): boolean {
  return outcome === 'all' || outcome === 'none';
}

function lineOf({ step, fault, outcome, seconds, problems }: Cell): string {
  const line = `${step.scene.padEnd(11)}  ${step.name.padEnd(27)}  ${fault.name.padEnd(36)}  ${outcome.padEnd(6)} ${seconds.toFixed(1).padStart(5)} s`;
  return problems.length === 0 ? line : `${line}  ${problems.join(' | ')}`;
}
