import { FILE_HEADER, FILE_TRAILER } from './copy-row-writer.ts';
import { putBytes, putInt32 } from './put-bytes.ts';

/** Size of a batch, in bytes: some 15,000 ids. */
const BATCH_BYTES = 1024 * 1024;

/** A row but for the id itself: the count of fields, and each with its length. */
const FIXED_BYTES = 2 + (4 + 4) + (4 + 4) + (4 + 8) + 4;

/**
 * Gathers a file's ids, each with its line, to batches. A batch is a whole COPY BINARY stream of rows
 * `(type int4, file int4, line int8, id text)`.
 */
export class IdBatches {
  readonly #type: number;
  readonly #file: number;
  readonly #full: Buffer[] = [];
  #batch = Buffer.alloc(0);
  #at = 0;

  /** @param numbers what stands for the file and its type in the rows */
  constructor({ type, file }: { type: number; file: number }) {
    this.#type = type;
    this.#file = file;
  }

  /** Adds the id in `bytes[start, end)`, of 64 KB at most. */
  add(line: number, bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#at + FIXED_BYTES + length + FILE_TRAILER.length > this.#batch.length) this.#begin();
    const out = this.#batch;
    let at = out.writeInt16BE(4, this.#at);
    at = putInt32(out, putInt32(out, at, 4), this.#type);
    at = putInt32(out, putInt32(out, at, 4), this.#file);
    at = out.writeBigInt64BE(BigInt(line), putInt32(out, at, 8));
    this.#at = putBytes(out, putInt32(out, at, length), bytes, start, end);
  }

  /** The batches that are full; they are the caller's from then on. */
  takeFull(): Buffer[] {
    return this.#full.splice(0);
  }

  /** The file has ended: all that are left. */
  takeAll(): Buffer[] {
    if (this.#at > 0) this.#close();
    return this.takeFull();
  }

  #begin(): void {
    if (this.#at > 0) this.#close();
    this.#batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#at = FILE_HEADER.copy(this.#batch, 0);
  }

  #close(): void {
    const end = this.#at + FILE_TRAILER.copy(this.#batch, this.#at);
    this.#full.push(this.#batch.subarray(0, end));
    this.#batch = Buffer.alloc(0);
    this.#at = 0;
  }
}
