import { COLON, COMMA, OPEN_BRACE, QUOTE } from '../json-bytes.ts';
import { decodeString, skipSpace, stringEnd, valueEnd } from '../json-scan.ts';

const FRONT = Buffer.from('{"resourceType":"');

/** The first `resourceType` that is a string of the object at `open`, wherever in it that stands. */
export function resourceTypeAt(b: Buffer, open: number, end: number): string | undefined {
  const front = open + FRONT.length;
  if (front < end && b.compare(FRONT, 0, FRONT.length, open, front) === 0) {
    const close = stringEnd(b, front, end);
    return close === -1 ? undefined : decodeString(b, front - 1, close);
  }
  for (const { key, from, to } of membersOf(b, open, end)) {
    if (key === 'resourceType' && b[from] === QUOTE) return decodeString(b, from, to - 1);
  }
  return undefined;
}

/** A member of an object: its key, and its value's bytes [from, to). */
export interface Member {
  key: string;
  from: number;
  to: number;
}

/** A key, and where it and its value are. */
export interface MemberKey {
  name: string;
  /** The key's closing quote. */
  close: number;
  /** Where the value begins. */
  from: number;
}

/** The key whose quote is at `quote`, or undefined where there is no well-formed one with a value. */
export function memberKeyAt(b: Buffer, quote: number, end: number): MemberKey | undefined {
  if (b[quote] !== QUOTE || quote >= end) return undefined;
  const close = stringEnd(b, quote + 1, end);
  const name = close === -1 ? undefined : decodeString(b, quote, close);
  if (name === undefined) return undefined;
  const colon = skipSpace(b, close + 1, end);
  if (b[colon] !== COLON || colon >= end) return undefined;
  const from = skipSpace(b, colon + 1, end);
  return from >= end ? undefined : { name, close, from };
}

/** The members of the object at `open`, up to where it stops being well-formed. */
export function* membersOf(b: Buffer, open: number, end: number): Generator<Member> {
  if (b[open] !== OPEN_BRACE) return;
  let i = skipSpace(b, open + 1, end);
  for (let key = memberKeyAt(b, i, end); key !== undefined; key = memberKeyAt(b, i, end)) {
    const to = valueEnd(b, key.from, end);
    if (to === -1) return;
    yield { key: key.name, from: key.from, to };
    i = skipSpace(b, to, end);
    if (b[i] !== COMMA) return;
    i = skipSpace(b, i + 1, end);
  }
}
