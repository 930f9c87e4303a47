import { putBytes } from '../put-bytes.ts';

/** First offset of words that a line brings itself, behind the words that all lines share. */
const WORDS_BYTES = 1 << 14;

/**
 * A line's text after its conversion, as a list of ranges: of the line's own bytes, where they stay, and of words put
 * between them. Most of a line stays, so a list costs less than a copy, and its length is known before it is written.
 */
export class Segments {
  /** Number of ranges. */
  count = 0;
  /** Ranges [from, to): of the line's buffer, or of `words` where `from` is negative, as its complement. */
  from = new Int32Array(256);
  to = new Int32Array(256);
  words: Buffer = Buffer.alloc(WORDS_BYTES * 2);

  #known = new Map<string, number>();
  #knownBytes = 0;
  #wordBytes = WORDS_BYTES;
  #copied = 0;

  /** Begins another line, whose first byte is at `start`. */
  begin(start: number): void {
    this.count = 0;
    this.#copied = start;
    this.#wordBytes = WORDS_BYTES;
  }

  /** Where the bytes that are not yet in the list begin. */
  get copied(): number {
    return this.#copied;
  }

  /** Puts a word that many lines need, once for all of them; gives its place. */
  learn(word: string): Word {
    const known = this.#known.get(word);
    const length = Buffer.byteLength(word);
    if (known !== undefined) return { at: known, length };
    const at = this.#knownBytes;
    if (at + length > WORDS_BYTES) throw new RangeError('too many words');
    this.words.write(word, at);
    this.#known.set(word, at);
    this.#knownBytes += length;
    return { at, length };
  }

  /** Lets the bytes up to `at` stand, and leaves out those from there to `next`. */
  cut(at: number, next: number): void {
    if (at > this.#copied) this.#push(this.#copied, at);
    if (next > this.#copied) this.#copied = next;
  }

  /** Writes a learned word at the list's end. */
  put(word: Word): void {
    this.#push(~word.at, word.at + word.length);
  }

  /** Writes a word of this line alone. */
  putText(text: string): void {
    const length = Buffer.byteLength(text);
    if (this.#wordBytes + length > this.words.length) {
      this.words = Buffer.concat([this.words], 2 * (this.words.length + length));
    }
    const at = this.#wordBytes;
    this.#wordBytes += this.words.write(text, at);
    this.#push(~at, at + length);
  }

  /** Takes back what was written since the list had `count` ranges and stood at `copied`. */
  rewind(count: number, copied: number): void {
    this.count = count;
    this.#copied = copied;
  }

  /** Where in the list the line's byte `offset`, which stays, begins a range; splits the one that it lies in. */
  splitAt(offset: number): number {
    if (this.#copied <= offset) {
      this.cut(offset, offset);
      return this.count;
    }
    for (let k = this.count - 1; k >= 0; k--) {
      const from = this.from[k] ?? 0;
      if (from < 0 || offset < from || offset >= (this.to[k] ?? 0)) continue;
      if (offset === from) return k;
      this.#push(0, 0);
      this.from.copyWithin(k + 1, k, this.count - 1);
      this.to.copyWithin(k + 1, k, this.count - 1);
      this.to[k] = offset;
      this.from[k + 1] = offset;
      return k + 1;
    }
    throw new RangeError(`byte ${offset} is in no range`);
  }

  /** Moves the ranges from `start` on to before the range `target`. Returns how many. */
  moveTo(target: number, start: number): number {
    const moved = this.count - start;
    for (const list of [this.from, this.to]) {
      const tail = list.slice(start, this.count);
      list.copyWithin(target + moved, target, start);
      list.set(tail, target);
    }
    return moved;
  }

  /** The length of the whole text, in bytes. */
  get bytes(): number {
    let bytes = 0;
    for (let k = 0; k < this.count; k++) {
      const from = this.from[k] ?? 0;
      bytes += (this.to[k] ?? 0) - (from < 0 ? ~from : from);
    }
    return bytes;
  }

  /** Writes the whole text, whose line is in `line`, into `out` from `at` on. @returns the offset past it */
  write(line: Buffer, out: Buffer, at: number): number {
    let next = at;
    for (let k = 0; k < this.count; k++) {
      const from = this.from[k] ?? 0;
      const [bytes, begin] = from < 0 ? [this.words, ~from] : [line, from];
      next = putBytes(out, next, bytes, begin, this.to[k] ?? 0);
    }
    return next;
  }

  /** The whole text, for those who do not write it into a larger one. */
  toBuffer(line: Buffer): Buffer {
    const text = Buffer.alloc(this.bytes);
    this.write(line, text, 0);
    return text;
  }

  #push(from: number, to: number): void {
    if (this.count === this.from.length) {
      this.from = grown(this.from);
      this.to = grown(this.to);
    }
    this.from[this.count] = from;
    this.to[this.count] = to;
    this.count++;
  }
}

/** A place in a list's words. */
export interface Word {
  readonly at: number;
  readonly length: number;
}

function grown(list: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(list.length * 2);
  larger.set(list);
  return larger;
}
