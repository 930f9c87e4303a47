import { isUtf8 } from 'node:buffer';
import { type LineFailure, MAX_ID_CHARACTERS } from '../errors/line-error.ts';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  CR,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  TAB,
} from './json-bytes.ts';
import { KeyScanner } from './key-scanner.ts';

type Key = 'id' | 'resourceType' | 'other';

/** What a scan says of a line: a resource to write, nothing to write, or a failure. */
export type ScanResult = 'resource' | 'blank' | LineFailure;

/**
 * Walks one line's bytes and finds the `id` and where the top-level members `id` and `resourceType` lie, so that a
 * writer can leave them out. It builds no object.
 *
 * It is strict where it cuts and lenient where it does not: a cut is made only around a well-formed member between
 * well-formed neighbours, so the remaining text is valid JSON if and only if the line was; Postgres then judges
 * the remaining text. After a `'resource'` the result stands in the fields until the next scan.
 */
export class ResourceScanner {
  /** The id's bytes are `idBytes[idStart, idEnd)`: the line itself, or a decoded copy when the id holds escapes. */
  idBytes: Buffer = Buffer.alloc(0);
  idStart = 0;
  idEnd = 0;
  /** Ranges to leave out, in order: [cutStart1, cutEnd1) and [cutStart2, cutEnd2); both empty at `end` if unused. */
  cutStart1 = 0;
  cutEnd1 = 0;
  cutStart2 = 0;
  cutEnd2 = 0;

  #idSeen = false;
  readonly #expectedType: Buffer;
  readonly #front: Buffer;
  readonly #keyScanner = new KeyScanner();
  #buffer: Buffer = Buffer.alloc(0);
  #cuts = 0;

  /** @param expectedType the resource type, in FHIR's spelling, that `resourceType` must equal where it is given */
  constructor(expectedType: string) {
    this.#expectedType = Buffer.from(expectedType);
    this.#front = Buffer.from(`{"resourceType":${JSON.stringify(expectedType)},"id":"`);
  }

  /** Sets the buffer that the following scans lie in; lines are then scanned in ascending order. */
  attach(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#keyScanner.attach(buffer);
  }

  /** The id of the line scanned last, if the scan reached it. */
  get idSoFar(): string | undefined {
    return this.#idSeen ? this.idBytes.toString('utf8', this.idStart, this.idEnd) : undefined;
  }

  /** Scans the line [start, end) of the attached buffer, its line feed excluded. */
  scan(start: number, end: number): ScanResult {
    if (this.#scanFront(start, end)) return 'resource';
    const b = this.#buffer;
    let i = this.#skipSpace(start, end);
    this.#idSeen = false;
    if (i >= end) return 'blank';
    if (b[i] !== OPEN_BRACE) return looksLikeJson(b[i]) ? 'not-an-object' : 'not-json';

    this.#cuts = 0;
    this.cutStart1 = this.cutEnd1 = this.cutStart2 = this.cutEnd2 = end;
    let typeSeen = false;
    let lastKeptComma = -1;

    i = this.#skipSpace(i + 1, end);
    if (b[i] === CLOSE_BRACE && i < end) return 'id-missing';

    for (;;) {
      if (i >= end || b[i] !== QUOTE) return 'not-json';
      const keyStart = i;
      const keyEnd = this.#stringEnd(i + 1, end);
      if (keyEnd === -1) return 'not-json';
      const key = this.#keyAt(keyStart, keyEnd);
      i = this.#skipSpace(keyEnd + 1, end);
      if (i >= end || b[i] !== COLON) return 'not-json';
      i = this.#skipSpace(i + 1, end);
      if (i >= end) return 'not-json';

      if (key === 'other') {
        i = this.#valueEnd(i, end);
        if (i === -1) return 'not-json';
      } else {
        if (key === 'id' && this.#idSeen) return 'id-twice';
        if (key === 'resourceType' && typeSeen) return 'type-twice';
        if (b[i] !== QUOTE) return key === 'id' ? 'id-not-a-string' : 'type-not-a-string';
        const valueEnd = this.#stringEnd(i + 1, end);
        if (valueEnd === -1) return 'not-json';
        const failure = key === 'id' ? this.#takeId(i, valueEnd) : this.#checkType(i, valueEnd);
        if (failure !== undefined) return failure;
        if (key === 'id') this.#idSeen = true;
        else typeSeen = true;
        i = valueEnd + 1;
      }

      const valueEnd = i;
      i = this.#skipSpace(i, end);
      if (i >= end) return 'not-json';
      if (b[i] === CLOSE_BRACE) {
        if (this.#isObjectAt(i + 1, end)) return 'two-resources';
        if (key !== 'other') this.#cutLast(keyStart, valueEnd, lastKeptComma);
        return this.#idSeen ? 'resource' : 'id-missing';
      }
      if (b[i] !== COMMA) return 'not-json';
      if (key === 'other') lastKeptComma = i;
      else this.#cut(keyStart, i + 1);
      i = this.#skipSpace(i + 1, end);
      if (i >= end || b[i] !== QUOTE) return 'not-json';
      if (this.#idSeen && !this.#keyScanner.mayOccur(i, end)) return 'resource';
    }
  }

  /** Whether another object begins here, after a comma perhaps. Anything else that follows a resource Postgres judges. */
  #isObjectAt(from: number, end: number): boolean {
    const b = this.#buffer;
    let i = this.#skipSpace(from, end);
    if (i < end && b[i] === COMMA) i = this.#skipSpace(i + 1, end);
    return i < end && b[i] === OPEN_BRACE;
  }

  /**
   * Most writers of FHIR start every line with the same bytes, `{"resourceType":"…","id":"`, and the next key follows
   * at once: comparing them costs 0.1 CPU s per GB less than the walk in `scan`, which judges whatever this refuses.
   */
  #scanFront(start: number, end: number): boolean {
    const b = this.#buffer;
    const front = this.#front;
    const idStart = start + front.length;
    if (idStart + 3 > end) return false;
    for (let i = 0; i < front.length; i++) if (b[start + i] !== front[i]) return false;
    let i = idStart;
    const idLimit = Math.min(idStart + MAX_ID_CHARACTERS, end - 3);
    while (i < idLimit) {
      const c = b[i] ?? 0;
      if (c === QUOTE) break;
      if (c < SPACE || c === BACKSLASH || c >= 0x80) return false;
      i++;
    }
    if (i === idStart || b[i] !== QUOTE || b[i + 1] !== COMMA || b[i + 2] !== QUOTE) return false;
    if (this.#keyScanner.mayOccur(i + 2, end)) return false;
    this.idBytes = b;
    this.idStart = idStart;
    this.idEnd = i;
    this.#idSeen = true;
    this.cutStart1 = start + 1;
    this.cutEnd1 = i + 2;
    this.cutStart2 = this.cutEnd2 = end;
    return true;
  }

  #skipSpace(from: number, end: number): number {
    const b = this.#buffer;
    let i = from;
    while (i < end && (b[i] === SPACE || b[i] === TAB || b[i] === CR)) i++;
    return i;
  }

  /** The offset of the quote that ends the string whose first character is at `from`, or -1. */
  #stringEnd(from: number, end: number): number {
    const b = this.#buffer;
    for (let i = from; i < end; i++) {
      const c = b[i];
      if (c === QUOTE) return i;
      if (c === BACKSLASH) i++;
    }
    return -1;
  }

  /** The offset just past the value at `from`, or -1. Brackets are counted, not matched: Postgres matches them. */
  #valueEnd(from: number, end: number): number {
    const b = this.#buffer;
    const first = b[from];
    if (first === QUOTE) {
      const close = this.#stringEnd(from + 1, end);
      return close === -1 ? -1 : close + 1;
    }
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
      let i = from;
      while (i < end) {
        const c = b[i];
        if (c === COMMA || c === CLOSE_BRACE || c === SPACE || c === TAB || c === CR) break;
        i++;
      }
      return i === from ? -1 : i;
    }
    let depth = 0;
    for (let i = from; i < end; i++) {
      const c = b[i];
      if (c === QUOTE) {
        i = this.#stringEnd(i + 1, end);
        if (i === -1) return -1;
      } else if (c === OPEN_BRACE || c === OPEN_BRACKET) depth++;
      else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
        depth--;
        if (depth === 0) return i + 1;
      }
    }
    return -1;
  }

  #keyAt(quote: number, close: number): Key {
    const b = this.#buffer;
    const length = close - quote - 1;
    if (length === 2) return b[quote + 1] === 0x69 && b[quote + 2] === 0x64 ? 'id' : 'other';
    if (length < 7) return 'other';
    if (length === 12 && b[quote + 1] === 0x72 && b.toString('latin1', quote + 1, close) === 'resourceType')
      return 'resourceType';
    // Twelve letters, each at most six bytes long as an escape.
    if (length > 72 || !this.#hasEscape(quote + 1, close)) return 'other';
    const decoded = decodeString(b, quote, close);
    return decoded === 'id' || decoded === 'resourceType' ? decoded : 'other';
  }

  #takeId(quote: number, close: number): LineFailure | undefined {
    const b = this.#buffer;
    const start = quote + 1;
    if (start === close) return 'id-empty';
    let plain = true;
    for (let i = start; i < close; i++) {
      const c = b[i] ?? 0;
      if (c < SPACE) return 'not-json';
      if (c === BACKSLASH || c >= 0x80) plain = false;
      // Even a string of \uXXXX escapes, or of characters of four bytes, cannot hold a shorter id in more bytes.
      if (i - start > 12 * MAX_ID_CHARACTERS) return 'id-too-long';
    }
    if (plain) {
      this.idBytes = b;
      this.idStart = start;
      this.idEnd = close;
      return close - start > MAX_ID_CHARACTERS ? 'id-too-long' : undefined;
    }
    const decoded = decodeString(b, quote, close);
    if (decoded === undefined || !isUtf8(b.subarray(start, close))) return 'not-json';
    // Of the JSON strings that Postgres refuses in jsonb: half a surrogate pair, and U+0000.
    if (!decoded.isWellFormed() || decoded.includes('\0')) return 'not-json';
    if ([...decoded].length > MAX_ID_CHARACTERS) return 'id-too-long';
    this.idBytes = Buffer.from(decoded);
    this.idStart = 0;
    this.idEnd = this.idBytes.length;
    return undefined;
  }

  #hasEscape(from: number, end: number): boolean {
    const b = this.#buffer;
    for (let i = from; i < end; i++) if (b[i] === BACKSLASH) return true;
    return false;
  }

  #checkType(quote: number, close: number): LineFailure | undefined {
    const expected = this.#expectedType;
    const b = this.#buffer;
    if (close - quote - 1 === expected.length) {
      let i = 0;
      while (i < expected.length && b[quote + 1 + i] === expected[i]) i++;
      if (i === expected.length) return undefined;
    }
    const decoded = decodeString(b, quote, close);
    if (decoded === undefined) return 'not-json';
    return decoded === expected.toString() ? undefined : 'type-differs';
  }

  #cut(start: number, end: number): void {
    if (this.#cuts === 0) {
      this.cutStart1 = start;
      this.cutEnd1 = end;
    } else {
      this.cutStart2 = start;
      this.cutEnd2 = end;
    }
    this.#cuts++;
  }

  /** Cuts the last member together with the comma before it, which belongs to the last member that stays. */
  #cutLast(start: number, end: number, lastKeptComma: number): void {
    if (lastKeptComma === -1) this.#cut(start, end);
    else if (this.#cuts === 1 && this.cutStart1 > lastKeptComma) {
      this.cutStart1 = lastKeptComma;
      this.cutEnd1 = end;
    } else this.#cut(lastKeptComma, end);
  }
}

/** The string literal at [quote, close], decoded; undefined when it is not a valid JSON string. */
function decodeString(buffer: Buffer, quote: number, close: number): string | undefined {
  try {
    const decoded: unknown = JSON.parse(buffer.toString('utf8', quote, close + 1));
    return typeof decoded === 'string' ? decoded : undefined;
  } catch {
    return undefined;
  }
}

function looksLikeJson(first: number | undefined): boolean {
  return first !== undefined && '["-0123456789tfn'.includes(String.fromCharCode(first));
}
