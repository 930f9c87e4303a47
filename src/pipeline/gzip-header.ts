import { crc32 } from 'node:zlib';
import { GzipError } from './gzip-error.ts';

const MAGIC = 0x8b1f;
const DEFLATE = 8;
const HAS_SUM = 0x02;
const HAS_EXTRA = 0x04;
const HAS_NAME = 0x08;
const HAS_COMMENT = 0x10;
const RESERVED = 0xe0;

/** A field of a header: of so many bytes, of as many as the one before says, or a text that a zero ends. */
interface Field {
  readonly name: 'magic' | 'form' | 'time' | 'extraLength' | 'extra' | 'text' | 'sum';
  readonly bytes: number;
  /** The flag without which it is not there. */
  readonly flag?: number;
}

/** In their order (RFC 1952, 2.3); what is looked at at once, as zlib does, is one field. */
const FIELDS: readonly Field[] = [
  { name: 'magic', bytes: 2 },
  { name: 'form', bytes: 2 },
  { name: 'time', bytes: 6 },
  { name: 'extraLength', bytes: 2, flag: HAS_EXTRA },
  { name: 'extra', bytes: 0, flag: HAS_EXTRA },
  { name: 'text', bytes: Number.POSITIVE_INFINITY, flag: HAS_NAME },
  { name: 'text', bytes: Number.POSITIVE_INFINITY, flag: HAS_COMMENT },
  { name: 'sum', bytes: 2, flag: HAS_SUM },
];

/** Reads the header of one gzip member, in as many pieces as it comes in. Nothing of it is kept. */
export class GzipHeader {
  isComplete = false;
  #index = 0;
  /** Bytes of the field that have not come yet. */
  #missing = 2;
  /** The last two bytes, as a little-endian number. */
  #last = 0;
  #flags = 0;
  #sum = 0;

  /**
   * @param from where in `input` to go on
   * @returns where what follows the header begins, or the end of the input
   * @throws GzipError where zlib takes no such header
   */
  take(input: Buffer, from: number): number {
    let at = from;
    while (!this.isComplete && at < input.length) at = this.#takeField(input, at);
    return at;
  }

  #takeField(input: Buffer, from: number): number {
    const field = FIELDS[this.#index];
    let to = Math.min(input.length, from + this.#missing);
    let isEnded = to === from + this.#missing;
    if (field?.name === 'text') {
      const zero = input.indexOf(0, from);
      isEnded = zero >= 0;
      to = isEnded ? zero + 1 : input.length;
    }
    for (let at = Math.max(from, to - 2); at < to; at++) this.#last = (this.#last >> 8) | ((input[at] ?? 0) << 8);
    this.#missing -= to - from;
    if ((this.#flags & HAS_SUM) !== 0 && field?.name !== 'sum') this.#sum = crc32(input.subarray(from, to), this.#sum);
    if (isEnded) this.#end(field);
    return to;
  }

  #end(field: Field | undefined): void {
    if (field?.name === 'magic' && this.#last !== MAGIC) throw new GzipError('damaged', 'incorrect header check');
    if (field?.name === 'form') this.#readForm();
    if (field?.name === 'sum' && this.#last !== (this.#sum & 0xffff))
      throw new GzipError('damaged', 'header crc mismatch');
    this.#begin(this.#index + 1, field?.name === 'extraLength' ? this.#last : 0);
  }

  #readForm(): void {
    if ((this.#last & 0xff) !== DEFLATE) throw new GzipError('damaged', 'unknown compression method');
    this.#flags = this.#last >> 8;
    if ((this.#flags & RESERVED) !== 0) throw new GzipError('damaged', 'unknown header flags set');
    if ((this.#flags & HAS_SUM) !== 0) this.#sum = crc32(Buffer.from([0x1f, 0x8b, DEFLATE, this.#flags]));
  }

  /** Begins the first field from `index` on that is there. */
  #begin(index: number, extraBytes: number): void {
    this.#index = FIELDS.findIndex(({ flag }, n) => n >= index && (flag === undefined || (this.#flags & flag) !== 0));
    const field = FIELDS[this.#index];
    if (field === undefined) this.isComplete = true;
    else this.#missing = field.name === 'extra' ? extraBytes : field.bytes;
  }
}
