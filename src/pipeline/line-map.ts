/** Above this many skipped lines (of a file that is mostly blank lines) the map stops, so memory stays flat. */
const MOST_ENTRIES = 1_000_000;

/** Maps a row of a COPY back to its line in the file, where blank lines made the two counts differ. */
export class LineMap {
  /** For the k-th skipped line: how many rows came before it. Ascending. */
  readonly #rowsBefore: number[] = [];
  #complete = true;

  /** A line was skipped after `rows` rows had been written. */
  skipped(rows: number): void {
    if (this.#rowsBefore.length < MOST_ENTRIES) this.#rowsBefore.push(rows);
    else this.#complete = false;
  }

  /** The 1-based line of the 1-based `row`; undefined where the map had to stop. */
  lineOf(row: number): number | undefined {
    const last = this.#rowsBefore.at(-1);
    if (!this.#complete && last !== undefined && row > last) return undefined;
    let low = 0;
    let high = this.#rowsBefore.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rowsBefore[middle] ?? 0) < row) low = middle + 1;
      else high = middle;
    }
    return row + low;
  }
}
