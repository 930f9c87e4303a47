import type { CopyBuffers } from './copy-buffers.ts';
import type { PlainRows, RowOutput } from './plain-rows.ts';
import { putBytes, putInt32 } from './put-bytes.ts';
import { type EmitChunk, RowChunks } from './row-chunks.ts';
import type { TransformedLine } from './transform.ts';

/** The 19 bytes that open a COPY BINARY stream: signature, flags, no header extension (Postgres manual, COPY). */
export const FILE_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** The field count -1 that closes it. */
export const FILE_TRAILER = Buffer.from([0xff, 0xff]);

/** The jsonb binary format's version byte (jsonb_recv). */
const JSONB_VERSION = 1;

/** A field that is the same in every row of a file. */
export type ConstantField =
  | { kind: 'text'; value: string }
  | { kind: 'int8'; value: bigint }
  /** Room that is filled in later. */
  | { kind: 'room'; bytes: number };

/** How COPY gets its rows. */
export type CopyFormat = 'binary' | 'text';

/** The columns before `id` and `resource`. */
export interface LeadingFields {
  /** In the order of the COPY statement's column list. */
  constants: readonly ConstantField[];
  /** Where a column `ts` follows them: the value for resources without one of their own. */
  defaultTs?: bigint | undefined;
  /** Of the COPY; `binary` where it is absent. */
  format?: CopyFormat | undefined;
}

/** Bytes of a timestamptz field with its length. */
const TS_FIELD_BYTES = 12;

/**
 * Writes rows of `(constant fields…, id text, resource jsonb)`, with `ts timestamptz` before `id` where it is asked for,
 * in COPY BINARY format.
 */
export class CopyRowWriter extends RowChunks {
  readonly #prefix: Buffer;
  readonly #defaultTs: bigint | undefined;
  /** What rows without a time of their own begin with. */
  readonly #plainPrefix: Buffer;

  /** @param fields the columns before `id` */
  constructor({ constants, defaultTs }: LeadingFields, buffers: CopyBuffers, emit: EmitChunk) {
    super(buffers, emit);
    this.#prefix = rowPrefix(constants, defaultTs === undefined ? 2 : 3);
    this.#defaultTs = defaultTs;
    this.#plainPrefix = defaultTs === undefined ? this.#prefix : Buffer.concat([this.#prefix, int8Field(defaultTs)]);
    this.at = FILE_HEADER.copy(this.out, 0);
  }

  row(line: TransformedLine): void {
    const { idStart, idEnd, jsonBytes } = line;
    const prefix = this.#prefix;
    const defaultTs = this.#defaultTs;
    let at = this.beginRow(prefix.length + TS_FIELD_BYTES + 4 + (idEnd - idStart) + 5 + jsonBytes);
    const { out } = this;
    for (let i = 0; i < prefix.length; i++) out[at + i] = prefix[i] ?? 0;
    at += prefix.length;
    if (defaultTs !== undefined) at = out.writeBigInt64BE(line.ts ?? defaultTs, putInt32(out, at, 8));
    at = putInt32(out, at, idEnd - idStart);
    at = putBytes(out, at, line.idBytes, idStart, idEnd);
    at = putInt32(out, at, jsonBytes + 1);
    out[at++] = JSONB_VERSION;
    this.at = line.writeJson(out, at);
  }

  /**
   * Writes the rows of many lines at once, each by the writer that its id has among them.
   * @param from where the first line begins in the buffer that is attached
   * @returns how many; `rows.next` then says where the first line begins that was left
   */
  static plainRows(writers: readonly CopyRowWriter[], rows: PlainRows, from: number, maxLineBytes: number): number {
    const [first] = writers;
    if (first === undefined) return 0;
    const options = { prefix: first.#plainPrefix, maxLineBytes };
    let count = 0;
    for (let next = from; ; next = rows.next) {
      count += rows.write(
        next,
        options,
        writers.map(({ output }) => output),
      );
      for (const [n, writer] of writers.entries()) writer.at += rows.bytes[n] ?? 0;
      if (rows.stop === 'unusual') return count;
      if (rows.stop === 'more') continue;
      const full = writers[rows.full];
      // A row that has no room in an empty buffer gets one of its own, as a row by itself.
      if (full === undefined || full.at === 0) return count;
      full.flush();
    }
  }

  /** Its output. */
  get output(): RowOutput {
    return { out: this.out, at: this.at };
  }

  end(): void {
    this.reserve(FILE_TRAILER.length);
    this.at += FILE_TRAILER.copy(this.out, this.at);
    this.emitLast();
  }
}

function rowPrefix(constants: readonly ConstantField[], others: number): Buffer {
  const fieldCount = Buffer.alloc(2);
  fieldCount.writeInt16BE(constants.length + others);
  const fields = constants.map((field) => {
    if (field.kind === 'int8') return int8Field(field.value);
    const text = field.kind === 'room' ? Buffer.alloc(field.bytes) : Buffer.from(field.value);
    const length = Buffer.alloc(4);
    length.writeInt32BE(text.length);
    return Buffer.concat([length, text]);
  });
  return Buffer.concat([fieldCount, ...fields]);
}

function int8Field(value: bigint): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeInt32BE(8);
  bytes.writeBigInt64BE(value, 4);
  return bytes;
}
