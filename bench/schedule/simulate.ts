/** How long the tasks take on so many threads, each taking the next one when it is free. */
export function makespan(seconds: readonly number[], threads: number): number {
  const busyUntil = Array.from({ length: threads }, () => 0);
  for (const task of seconds) {
    const free = busyUntil.indexOf(Math.min(...busyUntil));
    busyUntil[free] = (busyUntil[free] ?? 0) + task;
  }
  return Math.max(...busyUntil);
}

/** What no order can be faster than. */
export function leastMakespan(seconds: readonly number[], threads: number): number {
  return Math.max(Math.max(...seconds), seconds.reduce((a, b) => a + b, 0) / threads);
}
