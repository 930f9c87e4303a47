import type { ConstantField } from '../pipeline/copy-row-writer.ts';
import { HASH_BYTES, HASH_FIELD_BYTES, RowHashModule } from './row-hash-module.ts';

const NUMBER_BYTES = 8;
/** The first two fields of a row: its number in the file, and its hash. */
export const HASHED_FIELDS: readonly ConstantField[] = [
  { kind: 'room', bytes: NUMBER_BYTES },
  { kind: 'room', bytes: HASH_BYTES },
];

const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
const NUMBER_AT = COUNT_BYTES + LENGTH_BYTES;
const HASH_FIELD_AT = NUMBER_AT + NUMBER_BYTES;
const HASHED_AT = HASH_FIELD_AT + HASH_FIELD_BYTES;
/** -infinity, which no resource has. */
const NO_TS = -(2n ** 63n);

/** Rows that lie behind each other. */
export interface HashedRows {
  readonly bytes: Buffer;
  /** Where each of them ends in `bytes`. */
  readonly ends: Uint32Array;
  /** Their hashes, each with its length before it, as fields of Postgres's binary form. */
  readonly hashFields: Buffer;
}

/** The hashes of a thread's files; its memory is taken once a file needs it. */
export class RowHashes {
  #module: RowHashModule | undefined;

  /** @param key 32 bytes that nobody else knows @param defaultTs of rows without a `ts` of their own, where rows have one */
  hasher(key: Buffer, defaultTs: bigint | undefined): RowHasher {
    this.#module ??= new RowHashModule();
    return new RowHasher(this.#module, key, defaultTs);
  }
}

/**
 * Gives rows their numbers and hashes: HighwayHash, of 128 bits, of all that follows the hash, whole chunks at once, at a tenth of what
 * SHA-256 and a walk in JS took for each row. Its key is secret, so that nobody can make two rows with one hash. What
 * has no `ts` of its own is hashed without one: it is that of the transaction, and not compared.
 */
export class RowHasher {
  readonly #module: RowHashModule;
  readonly #key: Buffer;
  readonly #defaultTs: bigint | undefined;
  readonly #tsBytes = Buffer.alloc(8);

  constructor(module: RowHashModule, key: Buffer, defaultTs: bigint | undefined) {
    this.#module = module;
    this.#key = key;
    this.#defaultTs = defaultTs;
    if (defaultTs !== undefined) this.#tsBytes.writeBigInt64BE(defaultTs);
  }

  /**
   * Writes into each row of a chunk, in COPY's binary form, its number and its hash.
   * @param from where the first one begins
   * @param firstRow its number
   * @throws RangeError where there is something else than whole rows, which begin with HASHED_FIELDS, and a trailer
   */
  hash(chunk: Buffer, from: number, firstRow: number): HashedRows[] {
    const module = this.#module;
    module.use(this, this.#key, this.#tsBytes);
    const { input } = module;
    const all: HashedRows[] = [];
    let number = firstRow;
    for (let at = from; at < chunk.length; ) {
      const bytes = chunk.copy(input, 0, at);
      const { rows, taken, stop } = module.take(bytes, number, this.#defaultTs !== undefined);
      if (rows > 0) {
        input.copy(chunk, at, 0, taken);
        all.push({
          bytes: chunk.subarray(at, at + taken),
          ends: module.ends.slice(0, rows),
          hashFields: Buffer.from(module.fields.subarray(0, rows * HASH_FIELD_BYTES)),
        });
      }
      at += taken;
      number += rows;
      if (stop === 'trailer' && at + COUNT_BYTES === chunk.length) break;
      if (stop !== 'ended' || (taken < bytes && at - taken + bytes === chunk.length)) throw notRows(at, chunk);
      if (rows > 0) continue;
      const long = this.#hashLong(chunk, at, number++);
      all.push(long);
      at += long.bytes.length;
    }
    return all;
  }

  /** A row that is longer than the module's memory. */
  #hashLong(chunk: Buffer, at: number, number: number): HashedRows {
    const bytes = chunk.subarray(at, this.#endOfLong(chunk, at));
    bytes.writeBigInt64BE(BigInt(number), NUMBER_AT);
    const tsAt = HASHED_AT + LENGTH_BYTES;
    const isDefault = this.#defaultTs !== undefined && this.#tsBytes.compare(bytes, tsAt, tsAt + 8) === 0;
    if (isDefault) bytes.writeBigInt64BE(NO_TS, tsAt);
    const hashFields = Buffer.from(this.#module.hash(bytes.subarray(HASHED_AT)));
    if (isDefault) this.#tsBytes.copy(bytes, tsAt);
    hashFields.copy(bytes, HASH_FIELD_AT);
    return { bytes, ends: Uint32Array.of(bytes.length), hashFields };
  }

  /** The module has seen that its first fields are as they should be. */
  #endOfLong(chunk: Buffer, at: number): number {
    const fields = chunk.readInt16BE(at);
    let to = at + COUNT_BYTES;
    for (let field = 0; field < fields; field++) {
      const length = chunk.readInt32BE(to);
      to += LENGTH_BYTES + length;
      if (length < 0 || to > chunk.length) throw notRows(at, chunk);
    }
    return to;
  }
}

function notRows(at: number, { length }: Buffer): RangeError {
  return new RangeError(
    `what begins at byte ${at} of ${length} is no row in COPY's binary form with a number and a hash`,
  );
}
