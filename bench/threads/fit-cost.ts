import type { Cost } from './simulate-slots.ts';

/** One load that was measured: its CPU time in a place, in s. */
export interface Measured {
  readonly files: number;
  readonly megabytes: number;
  readonly seconds: number;
}

/**
 * The cost of a file and of a MB that fit loads best (least squares, each load by its own size, without a constant part).
 * @throws when the loads are all alike
 */
export function fitCost(loads: readonly Measured[]): Cost {
  const sum = (term: (load: Measured) => number) =>
    loads.reduce((total, load) => total + term(load) / load.seconds ** 2, 0);
  const [ff, fm, mm] = [sum((l) => l.files ** 2), sum((l) => l.files * l.megabytes), sum((l) => l.megabytes ** 2)];
  const [fs, ms] = [sum((l) => l.files * l.seconds), sum((l) => l.megabytes * l.seconds)];
  const determinant = ff * mm - fm * fm;
  if (!(Math.abs(determinant) > 1e-9 * ff * mm)) throw new Error('all loads have the same proportion of files and MB');
  const perFile = (fs * mm - ms * fm) / determinant;
  const perMegabyte = (ms * ff - fs * fm) / determinant;
  // What is below what a load's noise shows is nothing.
  return { perFile: Math.max(0, perFile), perMegabyte: Math.max(0, perMegabyte) };
}
