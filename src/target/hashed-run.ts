import { hash } from 'node:crypto';
import type { ConstantField } from '../pipeline/copy-row-writer.ts';

/** Size of a row's hash. */
export const HASH_BYTES = 16;
const ROW_BYTES = 8;
/** The first two fields of a row: its number in the file, and its hash. */
export const HASHED_FIELDS: readonly ConstantField[] = [
  { kind: 'room', bytes: ROW_BYTES },
  { kind: 'room', bytes: HASH_BYTES },
];

const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
const ROW_AT = COUNT_BYTES + LENGTH_BYTES;
const HASH_AT = ROW_AT + ROW_BYTES + LENGTH_BYTES;
/** -infinity, which no resource has. */
const NO_TS = -(2n ** 63n);

/**
 * Encoded rows that are looked up together. A row's hash, of 128 bits, is that of a scope in its place and all that follows. What
 * has no `ts` of its own is hashed without one: it is that of the transaction, and not compared.
 */
export class HashedRun {
  readonly #chunks: { bytes: Buffer; reuse: () => void }[] = [];
  /** Of each row: its chunk, and where in it it begins and ends. */
  readonly #rows: number[] = [];
  #bytes = 0;

  /** Size of the chunks, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows.length / 3;
  }

  /** Takes a full buffer of whole rows, in COPY's binary form. @param from where the first one begins */
  addChunk(bytes: Buffer, from: number, reuse: () => void): void {
    for (let at = from; at < bytes.length; ) {
      const fields = bytes.readInt16BE(at);
      // The trailer.
      if (fields < 0) break;
      let to = at + COUNT_BYTES;
      for (let field = 0; field < fields; field++) to += LENGTH_BYTES + bytes.readInt32BE(to);
      this.#rows.push(this.#chunks.length, at, to);
      at = to;
    }
    this.#chunks.push({ bytes, reuse });
    this.#bytes += bytes.length;
  }

  /**
   * Writes into each row its hash and its number in the file.
   * @param firstRow number of the first row
   * @param defaultTs of rows without a `ts` of their own, where rows have one
   * @returns the hashes, one after the other
   */
  hash(scope: Buffer, firstRow: number, defaultTs: bigint | undefined): Buffer {
    const hashes = Buffer.allocUnsafe(this.rows * HASH_BYTES);
    for (let row = 0; row < this.rows; row++) {
      const { bytes, from, to } = this.#at(row);
      bytes.writeUIntBE(firstRow + row, from + ROW_AT + ROW_BYTES - 6, 6);
      const at = from + HASH_AT;
      const ts = at + HASH_BYTES + LENGTH_BYTES;
      const isDefault = defaultTs !== undefined && bytes.readBigInt64BE(ts) === defaultTs;
      scope.copy(bytes, at);
      if (isDefault) bytes.writeBigInt64BE(NO_TS, ts);
      // A string of bytes: a Buffer for each row took half as long again.
      const digest = hash('sha256', bytes.subarray(at, to), 'binary');
      if (isDefault) bytes.writeBigInt64BE(defaultTs, ts);
      bytes.write(digest, at, HASH_BYTES, 'binary');
      bytes.copy(hashes, row * HASH_BYTES, at, at + HASH_BYTES);
    }
    return hashes;
  }

  /** The bytes of the rows whose numbers, 0-based and ascending, are given. They are moved together, so only once. */
  *rowBytes(rows: readonly number[]): Generator<Buffer> {
    let next = 0;
    for (const [chunk, { bytes }] of this.#chunks.entries()) {
      let start: number | undefined;
      let end = 0;
      for (let row = rows[next]; row !== undefined && this.#rows[row * 3] === chunk; row = rows[++next]) {
        const { from, to } = this.#at(row);
        end = start === undefined ? from : end;
        start ??= from;
        if (from !== end) bytes.copy(bytes, end, from, to);
        end += to - from;
      }
      if (start !== undefined) yield bytes.subarray(start, end);
    }
  }

  /** Postgres has all that was sent: the buffers are not read any more. */
  reuse(): void {
    for (const { reuse } of this.#chunks) reuse();
  }

  #at(row: number): { bytes: Buffer; from: number; to: number } {
    const at = row * 3;
    const bytes = this.#chunks[this.#rows[at] ?? -1]?.bytes;
    if (bytes === undefined) throw new RangeError(`row ${row} of ${this.rows} is in no chunk`);
    return { bytes, from: this.#rows[at + 1] ?? 0, to: this.#rows[at + 2] ?? 0 };
  }
}
