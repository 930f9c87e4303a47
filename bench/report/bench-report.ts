import type { Contender, RunFigures } from '../contenders/contender.ts';
import { total } from '../dataset/bench-data.ts';
import type { Machine } from './machine.ts';
import { median } from './median.ts';
import { textTable } from './text-table.ts';

/** One run with what the harness measured around it. */
export interface MeasuredRun extends RunFigures {
  round: number;
  /** CPU time of Postgres with all its processes, in s; undefined on another machine's. */
  postgresCpuS: number | undefined;
  /** WAL that Postgres wrote. */
  walBytes: number;
  /** CPU time of the S3 file server, in s. */
  s3CpuS: number;
}

/** A contender's figures: medians over its runs. */
export interface Summary {
  name: string;
  what: string;
  rows: number;
  rawBytes: number;
  wallS: number;
  wallSLeast: number;
  wallSMost: number;
  /** Median of wall time by that of the floor in the same round; undefined when the floor did not run. */
  ratioToFloor: number | undefined;
  walMb: number;
  /** Median of WAL by that of the floor in the same round. */
  walRatioToFloor: number | undefined;
  rowsPerS: number;
  rawMbPerS: number;
  cpuS: number | undefined;
  /** CPU s per GB of ndjson. */
  cpuSPerGb: number | undefined;
  peakRssMb: number | undefined;
  postgresCpuS: number | undefined;
  s3CpuS: number;
  runs: readonly MeasuredRun[];
}

/** All that one invocation measured. */
export interface BenchReport {
  at: string;
  machine: Machine;
  postgres: string;
  megabytes: number;
  seed: number;
  threads: number;
  rounds: number;
  /** Contenders that could not run here, and why. */
  skipped: Readonly<Record<string, string>>;
  results: readonly Summary[];
}

/** @param floor the floor's runs; a run is compared with that of its round */
export function summarize(contender: Contender, runs: readonly MeasuredRun[], floor: readonly MeasuredRun[]): Summary {
  const { name, what, data } = contender;
  const rows = total(data, 'rows');
  const rawBytes = total(data, 'rawBytes');
  const walls = runs.map((run) => run.wallS);
  const wallS = median(walls);
  const cpuS = medianOf(runs, (run) => run.cpuS);
  const ratio = (figure: (run: MeasuredRun) => number) =>
    medianOf(runs, (run) => {
      const least = floor.find(({ round }) => round === run.round);
      return least === undefined ? undefined : figure(run) / figure(least);
    });
  const peakRssBytes = medianOf(runs, (run) => run.peakRssBytes);
  return {
    name,
    what,
    rows,
    rawBytes,
    wallS,
    wallSLeast: Math.min(...walls),
    wallSMost: Math.max(...walls),
    ratioToFloor: ratio((run) => run.wallS),
    walMb: median(runs.map(({ walBytes }) => walBytes)) / 1e6,
    walRatioToFloor: ratio((run) => run.walBytes),
    rowsPerS: rows / wallS,
    rawMbPerS: rawBytes / 1e6 / wallS,
    cpuS,
    cpuSPerGb: cpuS === undefined ? undefined : cpuS / (rawBytes / 1e9),
    peakRssMb: peakRssBytes === undefined ? undefined : peakRssBytes / 1e6,
    postgresCpuS: medianOf(runs, (run) => run.postgresCpuS),
    s3CpuS: median(runs.map((run) => run.s3CpuS)),
    runs,
  };
}

function medianOf(runs: readonly MeasuredRun[], figure: (run: MeasuredRun) => number | undefined): number | undefined {
  const figures = runs.map(figure).filter((value) => value !== undefined);
  return figures.length === 0 ? undefined : median(figures);
}

const HEAD = [
  '',
  'wall s',
  '(least–most)',
  '× floor',
  'WAL MB',
  '× WAL',
  'rows/s',
  'MB/s',
  'CPU s',
  'CPU s/GB',
  'RSS MB',
  'Postgres CPU s',
];

/** The table for people. */
export function reportTable(results: readonly Summary[]): string {
  const rows = results.map((result) => [
    result.name,
    result.wallS.toFixed(2),
    `(${result.wallSLeast.toFixed(2)}–${result.wallSMost.toFixed(2)})`,
    fixed(result.ratioToFloor, 2),
    result.walMb.toFixed(1),
    fixed(result.walRatioToFloor, 3),
    Math.round(result.rowsPerS).toLocaleString('en'),
    result.rawMbPerS.toFixed(0),
    fixed(result.cpuS, 2),
    fixed(result.cpuSPerGb, 2),
    fixed(result.peakRssMb, 0),
    fixed(result.postgresCpuS, 1),
  ]);
  return textTable(HEAD, rows);
}

function fixed(figure: number | undefined, digits: number): string {
  return figure === undefined ? '–' : figure.toFixed(digits);
}
