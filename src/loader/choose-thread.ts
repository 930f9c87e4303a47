/**
 * Files in the hands of every thread before another one is started. A thread encodes some 800 MB/s, which is what
 * twenty backends of Postgres take; each costs 25 MB of memory, and 0.1 to 0.2 CPU s until its code is compiled.
 */
const FILES_BEFORE_ANOTHER = 4;

/** What is known of a worker thread. */
export interface ThreadState {
  /** Files in hand. */
  readonly currentUsage: number;
  readonly terminating: boolean;
  readonly destroyed: boolean;
}

/**
 * The thread that takes the next file: the one with the fewest in hand. Null when another one is to be started for it,
 * as long as there are fewer than `most`.
 */
export function chooseThread<T extends ThreadState>(threads: readonly T[], most: number): T | null {
  const alive = threads.filter(({ terminating, destroyed }) => !terminating && !destroyed);
  const [first, ...others] = alive;
  if (first === undefined) return null;
  const least = others.reduce((best, thread) => (thread.currentUsage < best.currentUsage ? thread : best), first);
  return least.currentUsage >= FILES_BEFORE_ANOTHER && threads.length < most ? null : least;
}
