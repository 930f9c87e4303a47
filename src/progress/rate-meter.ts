/** The time over which a rate is taken, in ms: long enough to be calm, short enough to be "now". */
const WINDOW_MS = 15_000;

interface Sample {
  at: number;
  bytes: number;
  rows: number;
}

/** Rates of a load over the last quarter of a minute, from totals that only grow. */
export class RateMeter {
  readonly #samples: Sample[] = [];

  /**
   * @param at time in ms, of any clock that does not go backwards
   * @param bytes bytes received in all; @param rows rows written in all
   */
  sample(at: number, bytes: number, rows: number): void {
    this.#samples.push({ at, bytes, rows });
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) >= WINDOW_MS) this.#samples.shift();
  }

  /** Per second, over the window. */
  rates(): { bytesPerSecond: number; rowsPerSecond: number } {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    const seconds = first === undefined || last === undefined ? 0 : (last.at - first.at) / 1_000;
    if (first === undefined || last === undefined || seconds === 0) return { bytesPerSecond: 0, rowsPerSecond: 0 };
    return {
      bytesPerSecond: Math.max(0, last.bytes - first.bytes) / seconds,
      rowsPerSecond: Math.max(0, last.rows - first.rows) / seconds,
    };
  }
}
