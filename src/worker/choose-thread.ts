/**
 * Files in the hands of every thread before another one is started. A thread needs 1.9 CPU s for a GB of ndjson, and
 * Postgres 14, so four files leave it idle for half of the time; each thread costs 100 MB of memory, and half a CPU s
 * until it has started and its code is compiled (npm run bench:growth, thread-num 4 and 8).
 */
const FILES_BEFORE_ANOTHER = 4;

/**
 * The same for batches of small files, where the machine has cores for it: each file of one costs its thread more than Postgres, 2.3 CPU ms
 * to 1.4, above all for its request. Four batches would get 0.4 of what they could do with a thread each; two get 0.8 (npm run bench:threads).
 */
const BATCHES_BEFORE_ANOTHER = 2;
const CORES_FOR_BATCHES = 4;

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
 * @param isBatch whether it is a batch of small files
 */
export function chooseThread<T extends ThreadState>(
  threads: readonly T[],
  { most, isBatch }: { most: number; isBatch: boolean },
): T | null {
  const alive = threads.filter(({ terminating, destroyed }) => !terminating && !destroyed);
  const [first, ...others] = alive;
  if (first === undefined) return null;
  const least = others.reduce((best, thread) => (thread.currentUsage < best.currentUsage ? thread : best), first);
  const enough = isBatch && most >= CORES_FOR_BATCHES ? BATCHES_BEFORE_ANOTHER : FILES_BEFORE_ANOTHER;
  return least.currentUsage >= enough && threads.length < most ? null : least;
}
