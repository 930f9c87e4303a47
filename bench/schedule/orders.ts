import { inLoaderOrder } from '../contenders/server-copy.ts';
import type { BenchFile } from '../dataset/bench-data.ts';

export type Order = (files: readonly BenchFile[]) => BenchFile[];

/** Orders in which the files of a bucket can be begun, by names that `--only` can list. */
export const ORDERS: Readonly<Record<string, Order>> = {
  listing: (files) => files.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
  'smallest-first': (files) => files.toSorted((a, b) => a.gzipBytes - b.gzipBytes),
  'largest-first': (files) => files.toSorted((a, b) => b.gzipBytes - a.gzipBytes),
  'types-in-turn': inLoaderOrder,
};
