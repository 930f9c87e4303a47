import { hasDroppedIndexes } from '../store/disabled-index/disabled-index.ts';
import type { IndexChoice } from '../store/disabled-index/index-choice.ts';
import { tablesInUse } from '../store/disabled-index/table-lock.ts';
import type { Queryable } from '../store/query.ts';
import type { ResourceTable } from '../store/resource-tables.ts';
import { readTableSize } from '../store/table-size.ts';
import { hasIndexes } from './table-index.ts';

/**
 * Dropping pays while a table, its indexes included, takes at most this part of what comes: all of its rows are indexed anew
 * then. `npm run bench:index` has the figures.
 */
const MOST_OF_INCOMING = 0.1;

/** Below this much ndjson there is nothing to gain: a drop locks the table against its readers. */
const LEAST_BYTES = 16_000_000;

/** Bytes of ndjson in a byte of a compressed object: fewer than in most, so that a doubt keeps the indexes. */
const LEAST_RATIO = 5;

/** A file's name and size, in bytes as stored. */
export interface IncomingFile {
  key: string;
  size: number;
}

/** How much ndjson files hold, at least, in bytes. */
export function estimateNdjson(files: Iterable<IncomingFile>): number {
  let bytes = 0;
  for (const { key, size } of files) bytes += size * (/\.(gz|zst)$/.test(key) ? LEAST_RATIO : 1);
  return bytes;
}

/**
 * Chooses by size whether dropping a table's indexes pays for what is to be loaded into it. Where another load has them dropped
 * they are: this one would only restore them in its way.
 * @returns undefined where the table has no index besides its key, dropped ones included
 * @param incoming ndjson that comes, in bytes
 */
export async function chooseIndexes(
  db: Queryable,
  table: ResourceTable,
  incoming: number,
): Promise<IndexChoice | undefined> {
  if ((await tablesInUse(db, [table]))(table)) return { dropped: true, reason: 'A load in progress has them dropped.' };
  const stands = await hasIndexes(db, table, { primaryKey: false, others: true });
  if (!stands && !(await hasDroppedIndexes(db, table))) return undefined;
  const { bytes } = await readTableSize(db, table);
  const figures = `the table takes ${megabytes(bytes)}, and about ${megabytes(incoming)} of ndjson or more come`;
  if (incoming < LEAST_BYTES) return { dropped: false, reason: `Too little comes for a drop to pay: ${figures}.` };
  const dropped = bytes <= incoming * MOST_OF_INCOMING;
  return {
    dropped,
    reason: dropped
      ? `Dropping them pays: ${figures}.`
      : `Rebuilding them over all rows would take longer than keeping them: ${figures}.`,
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
