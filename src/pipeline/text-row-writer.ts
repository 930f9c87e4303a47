import type { CopyBuffers } from './copy-buffers.ts';
import type { ConstantField, LeadingFields } from './copy-row-writer.ts';
import { instantText } from './fhir-to-aidbox/instant.ts';
import { putBytes } from './put-bytes.ts';
import { type EmitChunk, RowChunks } from './row-chunks.ts';
import type { TransformedLine } from './transform.ts';

const BACKSLASH = 0x5c;

/**
 * What COPY's text format takes for its own, by the letter that stands for it behind a backslash: backslash, the end of a
 * field, the ends of a row (Postgres manual, COPY). All other bytes stand for themselves.
 */
const LETTER_OF = { '\\': '\\', '\t': 't', '\n': 'n', '\r': 'r' };
const SPECIAL: readonly number[] = Object.keys(LETTER_OF).map((character) => character.charCodeAt(0));
const LETTERS = new Uint8Array(256);
for (const [character, letter] of Object.entries(LETTER_OF)) LETTERS[character.charCodeAt(0)] = letter.charCodeAt(0);

const TAB = 0x09;
const LINE_FEED = 0x0a;
/** Of a timestamptz as text, at most. */
const TS_BYTES = 40;

/**
 * Writes rows of the same columns as `CopyRowWriter` in COPY's text format. Citus hands jsonb on to its workers as it came
 * where it came as text; in binary form its coordinator parses each and writes it again, 40 % of all CPU time of a load.
 */
export class TextRowWriter extends RowChunks {
  readonly #prefix: Buffer;
  readonly #defaultTs: bigint | undefined;

  /** @param fields the columns before `id` */
  constructor({ constants, defaultTs }: LeadingFields, buffers: CopyBuffers, emit: EmitChunk) {
    super(buffers, emit);
    this.#prefix = prefixOf(constants);
    this.#defaultTs = defaultTs;
  }

  row(line: TransformedLine): void {
    const { idStart, idEnd, jsonBytes } = line;
    const prefix = this.#prefix;
    let at = this.beginRow(prefix.length + TS_BYTES + 2 * (idEnd - idStart) + 2 + jsonBytes);
    at = putBytes(this.out, at, prefix, 0, prefix.length);
    if (this.#defaultTs !== undefined) {
      at += this.out.write(`${instantText(line.ts ?? this.#defaultTs)}\t`, at, 'latin1');
    }
    const idAt = at;
    at = putBytes(this.out, at, line.idBytes, idStart, idEnd);
    at = this.#escape(idAt, at, countEscaped(this.out, idAt, at));
    this.out[at++] = TAB;
    const jsonAt = at;
    at = line.writeJson(this.out, at);
    const escapes = countEscaped(this.out, jsonAt, at);
    if (escapes > 0) {
      const end = this.growRow(at, at - this.rowStart + escapes + 1);
      at = this.#escape(end - jsonBytes, end, escapes);
    }
    this.out[at++] = LINE_FEED;
    this.at = at;
  }

  end(): void {
    this.emitLast();
  }

  /** Puts backslashes before what needs one of [start, end), from its end on; there is room for them. @returns the new end */
  #escape(start: number, end: number, escapes: number): number {
    const { out } = this;
    let to = end + escapes;
    for (let from = end - 1; to > from + 1 && from >= start; from--) {
      const byte = out[from] ?? 0;
      const letter = LETTERS[byte] ?? 0;
      out[--to] = letter === 0 ? byte : letter;
      if (letter !== 0) out[--to] = BACKSLASH;
    }
    return end + escapes;
  }
}

function countEscaped(bytes: Buffer, start: number, end: number): number {
  // Most rows hold none: finding that natively costs 0.3 CPU s per GB, a loop here ten times that.
  const row = bytes.subarray(start, end);
  if (!SPECIAL.some((byte) => row.includes(byte))) return 0;
  let count = 0;
  for (let i = start; i < end; i++) if (LETTERS[bytes[i] ?? 0] !== 0) count++;
  return count;
}

function prefixOf(constants: readonly ConstantField[]): Buffer {
  const texts = constants.map((field) => {
    if (field.kind === 'room') throw new RangeError('the text form has no room for fields that are filled in later');
    const text = String(field.value);
    // Numbers and names of types and statuses: nothing else is the same in every row.
    if (/[\\\t\n\r]/.test(text)) throw new RangeError(`${JSON.stringify(text)} cannot stand in every row of a COPY`);
    return `${text}\t`;
  });
  return Buffer.from(texts.join(''));
}
