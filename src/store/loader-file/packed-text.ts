/** How a text is kept. */
const ABSENT = 0;
const TEXT = 1;
const HEX = 2;
const QUOTED_HEX = 3;
const INSTANT = 4;
const UUID = 5;

/** Of the first two bytes of a text's record, those that say how it is kept; the others say how many bytes follow. */
const KIND_BITS = 3;
const KIND_MASK = 2 ** KIND_BITS - 1;
const HEAD_BYTES = 2;

/** Stands for a number of bytes that has four more of its own. */
const MANY_BYTES = 2 ** (16 - KIND_BITS) - 1;
const COUNT_BYTES = 4;

/** Most bytes of a text, as it is kept, for each of its characters. */
const MOST_BYTES = 3;

/** Characters of what `toISOString` says of a time of our era. */
const INSTANT_LENGTH = 24;
const INSTANT_BYTES = 8;

/** As Postgres writes one: how LoaderFiles get their ids. */
const UUID_FORM = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
const UUID_LENGTH = 36;
const UUID_BYTES = 16;

/** How many bytes a text's record takes at most. */
export function mostPacked(text: string | null): number {
  return HEAD_BYTES + COUNT_BYTES + Math.max(INSTANT_BYTES, (text?.length ?? 0) * MOST_BYTES);
}

/**
 * Writes a text in as few bytes as it needs: hexadecimal digits, a UUID, or an ETag of such digits in quotes, in a byte for two, a time as a number.
 * @returns the place after its record
 */
export function packText(to: Buffer, at: number, text: string | null): number {
  if (text === null) return head(to, at, ABSENT, 0);
  const from = at + HEAD_BYTES;
  const isShort = text.length * MOST_BYTES < MANY_BYTES;
  if (isShort && text.length % 2 === 0) {
    if (isInstant(text)) {
      to.writeDoubleLE(Date.parse(text), from);
      return head(to, at, INSTANT, INSTANT_BYTES);
    }
    if (text.length === UUID_LENGTH && UUID_FORM.test(text)) {
      to.write(text.replaceAll('-', ''), from, 'hex');
      return head(to, at, UUID, UUID_BYTES);
    }
    if (/^(?:[\da-f]{2})+$/.test(text)) return head(to, at, HEX, to.write(text, from, 'hex'));
    if (/^"(?:[\da-f]{2})+"$/.test(text)) return head(to, at, QUOTED_HEX, to.write(text.slice(1, -1), from, 'hex'));
  }
  if (isShort) return head(to, at, TEXT, to.write(text, from, 'utf8'));
  const bytes = to.write(text, from + COUNT_BYTES, 'utf8');
  head(to, at, TEXT, MANY_BYTES);
  to.writeUInt32LE(bytes, from);
  return from + COUNT_BYTES + bytes;
}

/** The text of the record at a place. */
export function unpackText(from: Buffer, at: number): string | null {
  const [start, end] = bytesOf(from, at);
  switch (from.readUInt16LE(at) & KIND_MASK) {
    case ABSENT:
      return null;
    case HEX:
      return from.toString('hex', start, end);
    case QUOTED_HEX:
      return `"${from.toString('hex', start, end)}"`;
    case UUID:
      return from.toString('hex', start, end).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    case INSTANT:
      return new Date(from.readDoubleLE(start)).toISOString();
    default:
      return from.toString('utf8', start, end);
  }
}

/** The place after the record at a place. */
export function skipText(from: Buffer, at: number): number {
  return bytesOf(from, at)[1];
}

function bytesOf(from: Buffer, at: number): readonly [start: number, end: number] {
  const start = at + HEAD_BYTES;
  const bytes = from.readUInt16LE(at) >> KIND_BITS;
  if (bytes < MANY_BYTES) return [start, start + bytes];
  return [start + COUNT_BYTES, start + COUNT_BYTES + from.readUInt32LE(start)];
}

function head(to: Buffer, at: number, kind: number, bytes: number): number {
  to.writeUInt16LE((bytes << KIND_BITS) | kind, at);
  return at + HEAD_BYTES + bytes;
}

function isInstant(text: string): boolean {
  if (text.length !== INSTANT_LENGTH || !text.endsWith('Z')) return false;
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text;
}
