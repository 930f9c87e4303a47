import { hash } from 'node:crypto';

/** Where a row has its hash: after the number of its fields, and this field's length. */
const HASH_AT = 6;
/** Size of a row's hash. */
export const HASH_BYTES = 16;
const TS_FIELD_BYTES = 12;
/** -infinity, which no resource has. */
const NO_TS = -(2n ** 63n);

interface RunRow {
  /** Its bytes are [from, to) of this chunk. */
  chunk: number;
  from: number;
  to: number;
}

/**
 * Encoded rows that are looked up together. Their first field is their hash, truncated to 128 bits: of a scope in its place and
 * all that follows. What no `ts` of its own has is hashed without one: it is that of the transaction, and not compared.
 */
export class HashedRun {
  readonly ids: string[] = [];
  readonly hashes: string[] = [];
  readonly #chunks: { bytes: Buffer; reuse: () => void }[] = [];
  readonly #rows: RunRow[] = [];
  #bytes = 0;

  /** Size of the rows, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows.length;
  }

  /** Takes a full buffer; the rows that were added since the one before are in it. */
  addChunk(bytes: Buffer, reuse: () => void): void {
    this.#chunks.push({ bytes, reuse });
  }

  /** Takes a row: where it lies in the chunk that comes next. */
  addRow(from: number, to: number): void {
    this.#rows.push({ chunk: this.#chunks.length, from, to });
    this.#bytes += to - from;
  }

  /** Writes each row's hash into it. @param defaultTs of rows without a `ts` of their own, where rows have one */
  hash(scope: Buffer, defaultTs: bigint | undefined): void {
    for (const { chunk, from, to } of this.#rows) {
      const bytes = this.#bytesOf(chunk);
      const at = from + HASH_AT;
      const after = at + HASH_BYTES;
      const id = after + (defaultTs === undefined ? 0 : TS_FIELD_BYTES);
      const isDefault = defaultTs !== undefined && bytes.readBigInt64BE(after + 4) === defaultTs;
      scope.copy(bytes, at);
      if (isDefault) bytes.writeBigInt64BE(NO_TS, after + 4);
      const hex = hash('sha256', bytes.subarray(at, to), 'hex').slice(0, 2 * HASH_BYTES);
      if (isDefault) bytes.writeBigInt64BE(defaultTs, after + 4);
      bytes.write(hex, at, HASH_BYTES, 'hex');
      this.hashes.push(hex);
      this.ids.push(bytes.toString('utf8', id + 4, id + 4 + bytes.readInt32BE(id)));
    }
  }

  /** The bytes of the rows whose numbers, 0-based and ascending, are given. They are moved together, so only once. */
  *rowBytes(rows: readonly number[]): Generator<Buffer> {
    let next = 0;
    for (const [index, { bytes }] of this.#chunks.entries()) {
      let end = 0;
      for (let row = this.#rows[rows[next] ?? -1]; row?.chunk === index; row = this.#rows[rows[++next] ?? -1]) {
        end += bytes.copy(bytes, end, row.from, row.to);
      }
      if (end > 0) yield bytes.subarray(0, end);
    }
  }

  /** Postgres has all that was sent: the buffers are not read any more. */
  reuse(): void {
    for (const { reuse } of this.#chunks) reuse();
  }

  #bytesOf(chunk: number): Buffer {
    const bytes = this.#chunks[chunk]?.bytes;
    if (bytes === undefined) throw new RangeError(`chunk ${chunk} of ${this.#chunks.length}`);
    return bytes;
  }
}
