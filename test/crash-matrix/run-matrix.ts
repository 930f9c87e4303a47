import { LastFirst } from '../support/last-first.ts';
import { FAULTS, type Fault } from './faults.ts';
import { MatrixCluster } from './matrix-cluster.ts';
import { type Cell, runCell } from './run-cell.ts';
import { PRACTITIONERS, TYPE } from './scenes.ts';
import { type Scene, STEPS, type Step } from './steps.ts';

export interface MatrixOptions {
  /** Only steps, and faults, whose names (`scene: step`) match. */
  steps?: RegExp;
  faults?: RegExp;
  /** On the Citus of TEST_CITUS_URL: the scene `direct` alone. */
  citus?: boolean;
  /** Aborted: everything is closed, and the run throws. */
  signal?: AbortSignal;
  print: (line: string) => void;
}

/** Every step with every fault. */
export async function runMatrix({
  steps = /./,
  faults = /./,
  citus = false,
  signal = new AbortController().signal,
  print,
}: MatrixOptions): Promise<Cell[]> {
  const all = cellsOf(steps, faults, citus);
  const isDirect = ({ step }: (typeof all)[number]) => step.scene === 'direct';
  const some = await runCells(
    all.filter((cell) => !isDirect(cell)),
    { direct: false, citus, signal, print },
  );
  return [...some, ...(await runCells(all.filter(isDirect), { direct: true, citus, signal, print }))];
}

async function runCells(
  wanted: ReturnType<typeof cellsOf>,
  { signal, print, ...place }: { direct: boolean; citus: boolean; signal: AbortSignal; print: (line: string) => void },
): Promise<Cell[]> {
  if (wanted.length === 0) return [];
  signal.throwIfAborted();
  const parts = new LastFirst();
  const interrupted = Promise.withResolvers<never>();
  const interrupt = () => interrupted.reject(new Error('interrupted'));
  signal.addEventListener('abort', interrupt, { once: true });
  const run = async () => {
    const cells: Cell[] = [];
    const cluster = await MatrixCluster.start(parts, place);
    await cluster.createTable(TYPE);
    await cluster.createTable('Practitioner');
    await cluster.sql(PRACTITIONERS);
    await cluster.sql(`create index ${TYPE}_note on ${TYPE} ((resource ->> 'code'))`);
    for (const { step, fault } of wanted) {
      const cell = await runCell(cluster, step, fault);
      cells.push(cell);
      print(lineOf(cell));
    }
    return cells;
  };
  try {
    return await Promise.race([run(), interrupted.promise]);
  } finally {
    signal.removeEventListener('abort', interrupt);
    await parts.close();
  }
}

/** Scenes about indexes, in which no file is deleted. */
const KEEPS_FILES: ReadonlySet<Scene> = new Set(['early', 'finish']);

/** The cells of steps and faults whose names match. */
function cellsOf(steps: RegExp, faults: RegExp, citus: boolean): { step: Step; fault: Fault }[] {
  return STEPS.filter(({ scene, name }) => (!citus || scene === 'direct') && steps.test(`${scene}: ${name}`)).flatMap(
    (step) =>
      FAULTS.filter(
        (fault) =>
          faults.test(fault.name) &&
          (citus || fault.citus !== true) &&
          !(fault.deletes && KEEPS_FILES.has(step.scene)) &&
          (fault.scene === undefined || fault.scene === step.scene),
      ).map((fault) => ({
        step,
        fault,
      })),
  );
}

export function isGood({ outcome }: Cell): boolean {
  return outcome === 'all' || outcome === 'none';
}

function lineOf({ step, fault, outcome, seconds, problems }: Cell): string {
  const line = `${step.scene.padEnd(11)}  ${step.name.padEnd(27)}  ${fault.name.padEnd(36)}  ${outcome.padEnd(6)} ${seconds.toFixed(1).padStart(5)} s`;
  return problems.length === 0 ? line : `${line}  ${problems.join(' | ')}`;
}
