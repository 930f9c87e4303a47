import type { HashedRows } from './row-hasher.ts';
import type { RowRanges } from './row-ranges.ts';

/** Encoded rows that are looked up together. */
export class HashedRun {
  readonly #parts: HashedRows[] = [];
  readonly #reuse: (() => void)[] = [];
  #rows = 0;
  #bytes = 0;

  /** Size of the rows, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** The hashes of all rows, one after the other, each with its length before it. */
  get hashFields(): Buffer {
    return Buffer.concat(this.#parts.map(({ hashFields }) => hashFields));
  }

  /** Takes the rows of a full buffer. */
  add(parts: readonly HashedRows[], reuse: () => void): void {
    for (const part of parts) {
      this.#parts.push(part);
      this.#rows += part.ends.length;
      this.#bytes += part.bytes.length;
    }
    this.#reuse.push(reuse);
  }

  /** The bytes of rows, by their 0-based numbers. They are moved together, so only once. */
  *bytesOf(rows: RowRanges): Generator<Buffer> {
    const parts = this.#parts.values();
    let part = parts.next().value;
    let firstRow = 0;
    let start = 0;
    let end = 0;
    for (const [from, to] of rows) {
      for (let row = from; row < to; ) {
        if (part === undefined) throw new RangeError(`row ${row} of ${this.#rows}`);
        const { bytes, ends } = part;
        const rowsBehind = firstRow + ends.length;
        if (row >= rowsBehind) {
          if (end > start) yield bytes.subarray(start, end);
          start = end = 0;
          firstRow = rowsBehind;
          part = parts.next().value;
          continue;
        }
        const last = Math.min(to, rowsBehind);
        const first = row === firstRow ? 0 : (ends[row - firstRow - 1] ?? 0);
        const behind = ends[last - firstRow - 1] ?? 0;
        if (end === start) start = end = first;
        else if (first !== end) bytes.copy(bytes, end, first, behind);
        end += behind - first;
        row = last;
      }
    }
    if (part !== undefined && end > start) yield part.bytes.subarray(start, end);
  }

  /** Postgres has all that was sent: the buffers are not read any more. */
  reuse(): void {
    for (const reuse of this.#reuse) reuse();
  }
}
