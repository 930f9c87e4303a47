import { BACKSLASH } from './json-bytes.ts';
import { decodeString } from './json-scan.ts';

/** A key of a resource that becomes a column. */
export type OwnKey = 'id' | 'resourceType' | 'other';

/** Twelve letters, each at most six bytes long as an escape. */
const LONGEST_KEY_BYTES = 72;

/** Which key is between the quotes at `quote` and `close`. */
export function ownKeyAt(b: Buffer, quote: number, close: number): OwnKey {
  const length = close - quote - 1;
  if (length === 2) return b[quote + 1] === 0x69 && b[quote + 2] === 0x64 ? 'id' : 'other';
  if (length < 7) return 'other';
  if (length === 12 && b[quote + 1] === 0x72 && b.toString('latin1', quote + 1, close) === 'resourceType')
    return 'resourceType';
  if (length > LONGEST_KEY_BYTES || !hasEscape(b, quote + 1, close)) return 'other';
  const decoded = decodeString(b, quote, close);
  return decoded === 'id' || decoded === 'resourceType' ? decoded : 'other';
}

function hasEscape(b: Buffer, from: number, end: number): boolean {
  for (let i = from; i < end; i++) if (b[i] === BACKSLASH) return true;
  return false;
}
