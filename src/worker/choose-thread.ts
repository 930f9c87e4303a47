/**
 * Files in the hands of every thread before another one is started. A thread needs 1.9 CPU s for a GB of ndjson, and
 * Postgres 14, so four files leave it idle for half of the time; each thread costs 100 MB of memory, and half a CPU s
 * until it has started and its code is compiled (npm run bench:growth, thread-num 4 and 8).
 */
const FILES_BEFORE_ANOTHER = 4;

/** What is known of a worker thread. */
export interface ThreadState {
  /** Files in flight. */
  readonly currentUsage: number;
  readonly terminating: boolean;
  readonly destroyed: boolean;
}

/**
 * The thread that takes the next file: the one with the fewest in flight. Null when another one is to be started for it,
 * as long as there are fewer than `most`.
 */
export function chooseThread<T extends ThreadState>(threads: readonly T[], most: number): T | null {
  const alive = threads.filter(({ terminating, destroyed }) => !terminating && !destroyed);
  const [first, ...others] = alive;
  if (first === undefined) return null;
  const least = others.reduce((best, thread) => (thread.currentUsage < best.currentUsage ? thread : best), first);
  return least.currentUsage >= FILES_BEFORE_ANOTHER && threads.length < most ? null : least;
}
