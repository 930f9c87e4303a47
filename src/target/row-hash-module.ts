import { z } from 'zod';
import { COMMON_EXPORTS, exported, instantiate } from '../pipeline/web-assembly.ts';
import { ROW_HASHES_WASM } from './row-hashes-wasm.ts';

const figure = exported<() => number>();
const step = exported<() => void>();
const takesBytes = exported<(bytes: number) => void>();

const exportsSchema = z.object({
  ...COMMON_EXPORTS,
  result: figure,
  key: figure,
  defaultTs: figure,
  input: figure,
  inputBytes: figure,
  ends: figure,
  mostRows: figure,
  fields: figure,
  takeKey: step,
  take: exported<(bytes: number, firstRow: number, dated: boolean) => number>(),
  begin: step,
  more: takesBytes,
  last: takesBytes,
});

/** Size of a key, in bytes. */
const KEY_BYTES = 32;
/** Size of a hash, in bytes. */
export const HASH_BYTES = 16;
/** Size of a hash as a field of Postgres's binary form, with its length. */
export const HASH_FIELD_BYTES = 4 + HASH_BYTES;
const TS_BYTES = 8;

/** Why the module stops, by its number; `ended` is the end of the input, perhaps within a row. */
const STOPS = ['ended', 'trailer', 'malformed'] as const;

/** The WebAssembly that hashes rows, and its memory, half a MB; the files of a thread share one, and each brings its key anew. */
export class RowHashModule {
  readonly #exports: z.infer<typeof exportsSchema>;
  readonly #result: Uint32Array;
  readonly #key: Buffer;
  readonly #defaultTs: Buffer;
  /** What is hashed. */
  readonly input: Buffer;
  /** Where each row ends in the input that was taken. */
  readonly ends: Uint32Array;
  /** The hashes, each with its length before it. */
  readonly fields: Buffer;
  #user: object | undefined;

  constructor() {
    this.#exports = instantiate(ROW_HASHES_WASM, exportsSchema);
    const { memory, result, key, defaultTs, input, inputBytes, ends, mostRows, fields } = this.#exports;
    this.#result = new Uint32Array(memory.buffer, result(), 2);
    this.#key = Buffer.from(memory.buffer, key(), KEY_BYTES);
    this.#defaultTs = Buffer.from(memory.buffer, defaultTs(), TS_BYTES);
    this.input = Buffer.from(memory.buffer, input(), inputBytes());
    this.ends = new Uint32Array(memory.buffer, ends(), mostRows());
    this.fields = Buffer.from(memory.buffer, fields(), mostRows() * HASH_FIELD_BYTES);
  }

  /** Sets whose rows come next, unless they are the last one's. @param key 32 bytes @param defaultTs 8 bytes, as in a row */
  use(user: object, key: Buffer, defaultTs: Buffer): void {
    if (this.#user === user) return;
    key.copy(this.#key);
    defaultTs.copy(this.#defaultTs);
    this.#exports.takeKey();
    this.#user = user;
  }

  /**
   * Numbers and hashes the whole rows of the input, where they lie.
   * @param bytes size of the input
   * @param dated whether their third field is a `ts`
   */
  take(bytes: number, firstRow: number, dated: boolean): { rows: number; taken: number; stop: (typeof STOPS)[number] } {
    const rows = this.#exports.take(bytes, firstRow, dated);
    const [taken = 0, stop = 0] = this.#result;
    return { rows, taken, stop: STOPS[stop] ?? 'malformed' };
  }

  /** Hashes bytes that may be more than the input takes. @returns the hash with its length; it stands until the next call */
  hash(bytes: Buffer): Buffer {
    const { begin, more, last } = this.#exports;
    const { input } = this;
    begin();
    let at = 0;
    for (; bytes.length - at > input.length; at += input.length) {
      bytes.copy(input, 0, at);
      more(input.length);
    }
    last(bytes.copy(input, 0, at));
    return this.fields.subarray(0, HASH_FIELD_BYTES);
  }
}
