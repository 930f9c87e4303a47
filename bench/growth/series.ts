import type { Contender } from '../contenders/contender.ts';
import { loader } from '../contenders/loader.ts';
import { prepareData } from '../dataset/prepare-data.ts';

/** One load of a series, and where it stands on the axis. */
export interface Point {
  readonly at: number;
  readonly contender: Contender;
}

export interface SeriesOptions {
  /** Size of the largest data, in MB. */
  readonly most: number;
  readonly seed: number;
}

const SIZES = [0.025, 0.1, 0.25, 0.5, 1];
const THREADS = [1, 2, 4, 8, 16];
/** Size of the data that thread numbers are compared on, in MB, and of the largest single file. */
const THREADS_MEGABYTES = 400;
const FILE_MEGABYTES = 2000;
const FILE_SIZES = [0.005, 0.05, 0.25, 0.5, 1];

/** What a load's cost may grow with. */
export const SERIES: Readonly<Record<string, (options: SeriesOptions) => Promise<Point[]>>> = {
  /** By size of the data, in MB. */
  sizes: async ({ most, seed }) =>
    await inTurn(
      SIZES.map((share) => share * most),
      async (at) => await point('mixed', at, at, seed, {}),
    ),
  /** By thread-num. */
  threads: async ({ most, seed }) =>
    await inTurn(
      THREADS,
      async (at) => await point('mixed', at, Math.min(most, THREADS_MEGABYTES), seed, { 'thread-num': at }),
    ),
  /** By size of the one file, in MB. */
  files: async ({ most, seed }) =>
    await inTurn(
      FILE_SIZES.map((share) => share * Math.min(most, FILE_MEGABYTES)),
      async (at) => await point('one-file', at, at, seed, {}),
    ),
};

async function point(
  shape: 'mixed' | 'one-file',
  at: number,
  megabytes: number,
  seed: number,
  params: object,
): Promise<Point> {
  const data = await prepareData({ shape, bytes: megabytes * 1e6, seed });
  const name = String(at);
  return { at, contender: loader({ name, what: name, data, floor: name, params }) };
}

async function inTurn(axis: readonly number[], make: (at: number) => Promise<Point>): Promise<Point[]> {
  const points = [];
  for (const at of axis) points.push(await make(at));
  return points;
}
