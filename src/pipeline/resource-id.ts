import { isUtf8 } from 'node:buffer';
import { type LineFailure, MAX_ID_CHARACTERS } from '../errors/line-error.ts';
import { BACKSLASH, SPACE } from './json-bytes.ts';
import { decodeString } from './json-scan.ts';

/** The `id` of a line's resource: `bytes[start, end)`, of the line itself, or of a decoded copy where it holds escapes. */
export class ResourceId {
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** Whether the line's `id` has been found; the rest is that of another line otherwise. */
  isSeen = false;

  /** Takes bytes that are known to be a fine id. */
  takePlain(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.isSeen = true;
  }

  /** Takes the string between the quotes at `quote` and `close`. @returns why it is not an id, or undefined */
  take(b: Buffer, quote: number, close: number): LineFailure | undefined {
    const start = quote + 1;
    if (start === close) return 'id-empty';
    let isPlain = true;
    for (let i = start; i < close; i++) {
      const c = b[i] ?? 0;
      if (c < SPACE) return 'not-json';
      if (c === BACKSLASH || c >= 0x80) isPlain = false;
      // Even a string of \uXXXX escapes, or of characters of four bytes, cannot hold a shorter id in more bytes.
      if (i - start > 12 * MAX_ID_CHARACTERS) return 'id-too-long';
    }
    if (isPlain) {
      if (close - start > MAX_ID_CHARACTERS) return 'id-too-long';
      this.takePlain(b, start, close);
      return undefined;
    }
    const decoded = decodeString(b, quote, close);
    if (decoded === undefined || !isUtf8(b.subarray(start, close))) return 'not-json';
    // Of the JSON strings that Postgres refuses in jsonb: half a surrogate pair, and U+0000.
    if (!decoded.isWellFormed() || decoded.includes('\0')) return 'not-json';
    if ([...decoded].length > MAX_ID_CHARACTERS) return 'id-too-long';
    const bytes = Buffer.from(decoded);
    this.takePlain(bytes, 0, bytes.length);
    return undefined;
  }

  toString(): string {
    return this.bytes.toString('utf8', this.start, this.end);
  }
}
