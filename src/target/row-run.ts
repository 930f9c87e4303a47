import type { LinePlace } from '../pipeline/bad-lines.ts';
import { FILE_HEADER, FILE_TRAILER } from '../pipeline/copy-row-writer.ts';

interface RunRow {
  /** The row's bytes are [from, to) of this chunk. */
  chunk: number;
  from: number;
  to: number;
  place: LinePlace;
}

/** Encoded rows that are sent together, each with the line that it came from; any part of them can be sent again. */
export class RowRun {
  readonly #chunks: { bytes: Buffer; reuse: () => void }[] = [];
  readonly #rows: RunRow[] = [];
  #bytes = 0;

  /** Size of the rows, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of rows. */
  get rows(): number {
    return this.#rows.length;
  }

  /** Takes a full buffer; the rows that were added since the one before are in it. */
  addChunk(bytes: Buffer, reuse: () => void): void {
    this.#chunks.push({ bytes, reuse });
  }

  /** Takes a row: where it lies in the chunk that comes next, and the line that it came from. */
  addRow(place: LinePlace, from: number, to: number): void {
    this.#rows.push({ chunk: this.#chunks.length, from, to, place });
    this.#bytes += to - from;
  }

  placeOf(row: number): LinePlace {
    return this.#row(row).place;
  }

  /** A COPY BINARY stream of the rows [from, to), at least one; a row never crosses from one chunk to the next. */
  *copyBytes(from: number, to: number): Generator<Buffer> {
    const first = this.#row(from);
    const last = this.#row(to - 1);
    yield FILE_HEADER;
    for (const [index, { bytes }] of this.#chunks.entries()) {
      if (index < first.chunk || index > last.chunk) continue;
      yield bytes.subarray(index === first.chunk ? first.from : 0, index === last.chunk ? last.to : bytes.length);
    }
    yield FILE_TRAILER;
  }

  /** Postgres has all that was sent: the buffers are not read any more. */
  reuse(): void {
    for (const { reuse } of this.#chunks) reuse();
  }
  #row(index: number): RunRow {
    const row = this.#rows[index];
    if (row === undefined) throw new RangeError(`row ${index} of ${this.#rows.length}`);
    return row;
  }
}
