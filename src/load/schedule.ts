import { FileList } from '../store/loader-file/file-list.ts';

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
export function schedule(files: FileList, scheduler: Scheduler): FileList {
  const keyAt = (place: number) => files.at(place)?.key ?? '';
  const places = Uint32Array.from({ length: files.length }, (_, place) => place);
  if (scheduler === 'by-last-modified') {
    const times = Array.from(files, ({ lastModified }) => lastModified);
    places.sort((a, b) => compare(times[a] ?? '', times[b] ?? '') || compare(keyAt(a), keyAt(b)));
    return files.inOrder(places);
  }
  const sizes = Float64Array.from({ length: files.length }, (_, place) => files.sizeAt(place));
  places.sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0) || compare(keyAt(a), keyAt(b)));
  return spreadOverTypes(files.inOrder(places));
}

/**
 * Within files of about one size (each window spans a factor of two), takes the types in turn.
 */
function spreadOverTypes(descending: FileList): FileList {
  const windows: FileList[] = [];
  let from = 0;
  while (from < descending.length) {
    const largest = descending.sizeAt(from);
    let to = from;
    while (to < descending.length && descending.sizeAt(to) * 2 >= largest) to++;
    windows.push(dealByType(descending.slice(from, to)));
    from = to;
  }
  return FileList.concat(windows);
}

function dealByType(files: FileList): FileList {
  const next = new Map<string, number>();
  const turns = Uint32Array.from({ length: files.length }, (_, at) => {
    const type = files.typeAt(at) ?? '';
    const turn = next.get(type) ?? 0;
    next.set(type, turn + 1);
    return turn;
  });
  // Each turn begins where those before it end: a sort of pairs would take as much memory as the files.
  const places = new Uint32Array(Math.max(0, ...next.values()) + 1);
  for (const turn of turns) places[turn + 1] = (places[turn + 1] ?? 0) + 1;
  for (let turn = 1; turn < places.length; turn++) places[turn] = (places[turn] ?? 0) + (places[turn - 1] ?? 0);
  const dealt = new Uint32Array(files.length);
  for (const [at, turn] of turns.entries()) {
    const place = places[turn] ?? 0;
    dealt[place] = at;
    places[turn] = place + 1;
  }
  return files.inOrder(dealt);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
