import { type LineFailure, MAX_ID_CHARACTERS } from '../errors/line-error.ts';
import { BACKSLASH, CLOSE_BRACE, COLON, COMMA, OPEN_BRACE, QUOTE, SPACE } from './json-bytes.ts';
import { decodeString, skipSpace, stringEnd, valueEnd } from './json-scan.ts';
import { KeyScanner } from './key-scanner.ts';
import { MemberCuts } from './member-cuts.ts';
import { ownKeyAt } from './own-key.ts';
import { ResourceId } from './resource-id.ts';

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
  readonly id = new ResourceId();
  /** The members that become columns. */
  readonly cuts = new MemberCuts();

  readonly #expectedType: Buffer;
  readonly #front: Buffer;
  readonly #keyScanner = new KeyScanner();
  #buffer: Buffer = Buffer.alloc(0);

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
    return this.id.isSeen ? this.id.toString() : undefined;
  }

  /** Scans the line [start, end) of the attached buffer, its line feed excluded. */
  scan(start: number, end: number): ScanResult {
    if (this.#scanFront(start, end)) return 'resource';
    const b = this.#buffer;
    const { id, cuts } = this;
    let i = skipSpace(b, start, end);
    id.isSeen = false;
    if (i >= end) return 'blank';
    if (b[i] !== OPEN_BRACE) return looksLikeJson(b[i]) ? 'not-an-object' : 'not-json';

    cuts.begin(end);
    let typeSeen = false;
    let lastKeptComma = -1;

    i = skipSpace(b, i + 1, end);
    if (b[i] === CLOSE_BRACE && i < end) return 'id-missing';

    for (;;) {
      if (i >= end || b[i] !== QUOTE) return 'not-json';
      const keyStart = i;
      const keyEnd = stringEnd(b, i + 1, end);
      if (keyEnd === -1) return 'not-json';
      const key = ownKeyAt(b, keyStart, keyEnd);
      i = skipSpace(b, keyEnd + 1, end);
      if (i >= end || b[i] !== COLON) return 'not-json';
      i = skipSpace(b, i + 1, end);
      if (i >= end) return 'not-json';

      if (key === 'other') {
        i = valueEnd(b, i, end);
        if (i === -1) return 'not-json';
      } else {
        if (key === 'id' && id.isSeen) return 'id-twice';
        if (key === 'resourceType' && typeSeen) return 'type-twice';
        if (b[i] !== QUOTE) return key === 'id' ? 'id-not-a-string' : 'type-not-a-string';
        const close = stringEnd(b, i + 1, end);
        if (close === -1) return 'not-json';
        const failure = key === 'id' ? id.take(b, i, close) : this.#checkType(i, close);
        if (failure !== undefined) return failure;
        if (key === 'resourceType') typeSeen = true;
        i = close + 1;
      }

      const memberEnd = i;
      i = skipSpace(b, i, end);
      if (i >= end) return 'not-json';
      if (b[i] === CLOSE_BRACE) {
        if (this.#isObjectAt(i + 1, end)) return 'two-resources';
        if (key !== 'other') cuts.addLast(keyStart, memberEnd, lastKeptComma);
        return id.isSeen ? 'resource' : 'id-missing';
      }
      if (b[i] !== COMMA) return 'not-json';
      if (key === 'other') lastKeptComma = i;
      else cuts.add(keyStart, i + 1);
      i = skipSpace(b, i + 1, end);
      if (i >= end || b[i] !== QUOTE) return 'not-json';
      if (id.isSeen && !this.#keyScanner.mayOccur(i, end)) return 'resource';
    }
  }

  /** Whether another object begins here, after a comma perhaps. Anything else that follows a resource Postgres judges. */
  #isObjectAt(from: number, end: number): boolean {
    const b = this.#buffer;
    let i = skipSpace(b, from, end);
    if (i < end && b[i] === COMMA) i = skipSpace(b, i + 1, end);
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
    this.id.takePlain(b, idStart, i);
    this.cuts.begin(end);
    this.cuts.add(start + 1, i + 2);
    return true;
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
}

function looksLikeJson(first: number | undefined): boolean {
  return first !== undefined && '["-0123456789tfn'.includes(String.fromCharCode(first));
}
