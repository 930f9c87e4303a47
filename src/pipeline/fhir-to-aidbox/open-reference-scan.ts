import { LONGEST_OPEN_REFERENCE } from '../../fhir/open-reference.ts';
import { COLON, QUOTE } from '../json-bytes.ts';
import { decodeString, skipSpaceBack, stringEnd } from '../json-scan.ts';

const LINE_FEED = 0x0a;
/** Of `urn:uuid:` the end: its first letter is frequent, which makes the search for the whole take twice as long. */
const NEEDLES = [Buffer.from('?identifier'), Buffer.from(':uuid:')];
const KEYS = [Buffer.from('"reference"'), Buffer.from('"uri"')];

/** What is kept of a chunk's end: a URI's key and value, with room for escapes and white space. */
const KEPT_BYTES = 2 * LONGEST_OPEN_REFERENCE;

/** URIs of one line, spread over several chunks, that are remembered. A line with more has the rest of them unresolved. */
const MOST_PENDING = 50_000;

/**
 * Finds the URIs of open references in a file's bytes before they are cut into lines, so that they can be looked up many
 * at a time. Finds some that are none; one that it misses (its question mark written as an escape) is not resolved.
 */
export class OpenReferenceScan {
  #kept: Buffer = Buffer.alloc(0);
  /** URIs of the line that has not ended. */
  #pending = new Set<string>();

  /** @returns the URIs of all lines that end in the chunk */
  take(chunk: Buffer): ReadonlySet<string> {
    const found = this.#pending;
    const seam = Buffer.concat([this.#kept, chunk.subarray(0, KEPT_BYTES)]);
    const pending = new Set<string>();
    const lineStart = chunk.lastIndexOf(LINE_FEED) + 1;
    if (this.#kept.length > 0) scan(seam, (uri) => found.add(uri));
    scan(chunk, (uri, at) => {
      found.add(uri);
      if (at >= lineStart && pending.size < MOST_PENDING) pending.add(uri);
    });
    if (lineStart === 0) for (const uri of found) if (pending.size < MOST_PENDING) pending.add(uri);
    const end = chunk.length >= KEPT_BYTES ? chunk.subarray(chunk.length - KEPT_BYTES) : seam.subarray(-KEPT_BYTES);
    this.#kept = Buffer.from(end);
    this.#pending = pending;
    return found;
  }
}

function scan(b: Buffer, onUri: (uri: string, at: number) => void): void {
  for (const needle of NEEDLES) {
    for (let at = b.indexOf(needle); at !== -1; at = b.indexOf(needle, at + needle.length)) {
      let open = at - 1;
      // The type, or `urn`; what other schemes have is not an open reference and falls out when it is parsed.
      while (open >= 0 && isLetter(b[open] ?? 0)) open--;
      if (b[open] !== QUOTE || !isValueOfKey(b, open)) continue;
      const close = stringEnd(b, open + 1, Math.min(b.length, open + KEPT_BYTES));
      const uri = close === -1 ? undefined : decodeString(b, open, close);
      if (uri !== undefined && uri.length <= LONGEST_OPEN_REFERENCE) onUri(uri, open);
    }
  }
}

/** Whether a string that begins at `quote` can be the value of a Reference's key; where the chunk begins nobody knows. */
function isValueOfKey(b: Buffer, quote: number): boolean {
  const colon = skipSpaceBack(b, quote - 1);
  if (colon < 0) return true;
  if (b[colon] !== COLON) return false;
  const close = skipSpaceBack(b, colon - 1);
  return KEYS.some((key) => close - key.length + 1 < 0 || key.equals(b.subarray(close - key.length + 1, close + 1)));
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
