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
  const next = new Map<string, number>();
  const turns = Uint32Array.from(files, ({ type }) => {
    const turn = next.get(type) ?? 0;
    next.set(type, turn + 1);
    return turn;
  });
  // Each turn begins where those before it end: a sort of pairs would take as much memory as the files.
  const places = new Uint32Array(Math.max(0, ...next.values()) + 1);
  for (const turn of turns) places[turn + 1] = (places[turn + 1] ?? 0) + 1;
  for (let turn = 1; turn < places.length; turn++) places[turn] = (places[turn] ?? 0) + (places[turn - 1] ?? 0);
  const dealt = [...files];
  for (const [at, file] of files.entries()) {
    const turn = turns[at] ?? 0;
    const place = places[turn] ?? 0;
    dealt[place] = file;
    places[turn] = place + 1;
  }
  return dealt;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
