/** Ascending numbers of rows; those that follow each other take no more memory than one. */
export class RowRanges implements Iterable<readonly [from: number, to: number]> {
  /** Of each range its first number, and the one behind its last. */
  readonly #bounds: number[] = [];
  #count = 0;

  /** @param numbers ascending */
  static of(numbers: readonly number[]): RowRanges {
    const ranges = new RowRanges();
    for (const number of numbers) ranges.add(number, number + 1);
    return ranges;
  }

  /** All of [0, count) but `numbers`, which ascend. */
  static except(numbers: readonly number[], count: number): RowRanges {
    const ranges = new RowRanges();
    let from = 0;
    for (const number of numbers) {
      ranges.add(from, number);
      from = number + 1;
    }
    ranges.add(from, count);
    return ranges;
  }

  /** How many numbers there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds [from, to), which lies behind all others. */
  add(from: number, to: number): void {
    if (from >= to) return;
    const bounds = this.#bounds;
    if (bounds.at(-1) === from) bounds[bounds.length - 1] = to;
    else bounds.push(from, to);
    this.#count += to - from;
  }

  *[Symbol.iterator](): Generator<readonly [from: number, to: number]> {
    for (let i = 0; i < this.#bounds.length; i += 2) yield [this.#bounds[i] ?? 0, this.#bounds[i + 1] ?? 0];
  }

  /** The number at a place, 0-based. */
  at(place: number): number | undefined {
    let before = 0;
    for (const [from, to] of this) {
      if (place < before + to - from) return place < before ? undefined : from + place - before;
      before += to - from;
    }
    return undefined;
  }
}
