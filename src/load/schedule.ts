import type { QueuedFile } from '../store/loader-file/queue.ts';

/** The values of `scheduler`, as Aidbox documents them ("Bulk import from an S3 bucket"). */
export const SCHEDULERS = ['optimal', 'by-last-modified'] as const;
export type Scheduler = (typeof SCHEDULERS)[number];

/**
 * Puts files in the order in which they are to be begun.
 *
 * `optimal` begins the largest first, so that no large file is left to run alone at the end (longest processing time
 * first), and takes the types in turn, so that the files loaded at one moment lie in different tables and do not wait
 * for each other's pages. `by-last-modified` is oldest first, ties by key.
 */
export function schedule(files: readonly QueuedFile[], scheduler: Scheduler): QueuedFile[] {
  if (scheduler === 'by-last-modified') {
    return files.toSorted((a, b) => compare(a.lastModified, b.lastModified) || compare(a.key, b.key));
  }
  return spreadOverTypes(files.toSorted((a, b) => b.size - a.size || compare(a.key, b.key)));
}

/**
 * Within files of about one size (each window spans a factor of two), takes the types in turn.
 */
function spreadOverTypes(descending: readonly QueuedFile[]): QueuedFile[] {
  const spread: QueuedFile[] = [];
  let from = 0;
  while (from < descending.length) {
    const largest = descending[from]?.size ?? 0;
    let to = from;
    while (to < descending.length && (descending[to]?.size ?? 0) * 2 >= largest) to++;
    for (const file of dealByType(descending.slice(from, to))) spread.push(file);
    from = to;
  }
  return spread;
}

function dealByType(files: readonly QueuedFile[]): QueuedFile[] {
  const place = new Map<string, number>();
  const turns = files.map((file) => {
    const turn = place.get(file.type) ?? 0;
    place.set(file.type, turn + 1);
    return { file, turn };
  });
  return turns.toSorted((a, b) => a.turn - b.turn).map(({ file }) => file);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
