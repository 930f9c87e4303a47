import { CLOSE_BRACE, COLON, COMMA, OPEN_BRACE, QUOTE } from '../json-bytes.ts';
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

/** The members of the object at `open`, up to where it stops being well-formed. */
export function* membersOf(b: Buffer, open: number, end: number): Generator<Member> {
  if (b[open] !== OPEN_BRACE) return;
  for (let i = skipSpace(b, open + 1, end); i < end && b[i] === QUOTE; i = skipSpace(b, i + 1, end)) {
    const close = stringEnd(b, i + 1, end);
    const key = close === -1 ? undefined : decodeString(b, i, close);
    if (key === undefined) return;
    const colon = skipSpace(b, close + 1, end);
    if (b[colon] !== COLON) return;
    const from = skipSpace(b, colon + 1, end);
    const to = from >= end ? -1 : valueEnd(b, from, end);
    if (to === -1) return;
    yield { key, from, to };
    i = skipSpace(b, to, end);
    if (b[i] === CLOSE_BRACE || b[i] !== COMMA) return;
  }
}
