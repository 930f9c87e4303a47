// AssemblyScript, built to src/pipeline/fhir-to-aidbox/bracket-index-wasm.ts by `npm run bracket-index`.
// Finds the brackets of a line of JSON, 16 bytes at a time, and which closes which; strings are passed over.

/** Longest line, in bytes; JS goes over longer ones itself. */
const LINE: u32 = 1 << 20;
const MOST: u32 = 1 << 17;
const DEEPEST: u32 = 1 << 12;

/** The line has room before it, that its first bytes may be compared with, and behind it, for a whole last block. */
const INPUT: usize = 1024;
/** Arrays of u32: offsets of opening brackets, of their closing ones, how many opened before the latter. */
const OPENS: usize = INPUT + LINE + 64;
const CLOSES: usize = OPENS + 4 * MOST;
const AFTER: usize = CLOSES + 4 * MOST;
/** Offsets of the last bytes of `xtension"`. */
const EXTENSIONS: usize = AFTER + 4 * MOST;
const STACK: usize = EXTENSIONS + 4 * MOST;
const END: usize = STACK + 4 * DEEPEST;

/** `xtension` as a little-endian number. */
const XTENSION: u64 = 0x6e6f69736e657478;

let extensions: u32 = 0;

export function grow(): void {
  memory.grow(<i32>(END >> 16) + 1);
}
export function input(): usize {
  return INPUT;
}
export function opens(): usize {
  return OPENS;
}
export function closes(): usize {
  return CLOSES;
}
export function after(): usize {
  return AFTER;
}
export function extensionEnds(): usize {
  return EXTENSIONS;
}
export function extensionCount(): u32 {
  return extensions;
}

/**
 * Indexes the first `length` bytes of the input. Gives the number of opening brackets, or -1 where the line is too long or
 * too deep, has too many brackets, or they do not pair.
 */
export function index(length: u32): i32 {
  if (length > LINE) return -1;
  v128.store(INPUT + length, i8x16.splat(0x20));
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  const lowercase = i8x16.splat(0x20);
  const open = i8x16.splat(0x7b);
  const close = i8x16.splat(0x7d);
  const n = i8x16.splat(0x6e);
  const o = i8x16.splat(0x6f);
  let count: u32 = 0;
  let found: u32 = 0;
  let depth: u32 = 0;
  // All ones within a string.
  let inside: u32 = 0;
  // Whether the block's first byte is escaped.
  let escaped: u32 = 0;
  for (let at: u32 = 0; at < length; at += 16) {
    const block = v128.load(INPUT + at);
    const isQuote = i8x16.eq(block, quotes);
    let quote: u32 = i8x16.bitmask(isQuote);
    let backslash: u32 = i8x16.bitmask(i8x16.eq(block, backslashes));
    if ((backslash | escaped) != 0) {
      let skip = escaped;
      escaped = 0;
      backslash &= ~skip;
      while (backslash != 0) {
        const bit = backslash & (0 - backslash);
        const next = bit << 1;
        if (next == 0x10000) escaped = 1;
        else skip |= next;
        backslash &= ~(bit | next);
      }
      quote &= ~skip;
    }
    // Each bit: whether the number of quotes up to it is odd.
    let odd = quote;
    odd ^= odd << 1;
    odd ^= odd << 2;
    odd ^= odd << 4;
    odd ^= odd << 8;
    const string = (odd ^ inside) & 0xffff;
    inside = (string & 0x8000) != 0 ? 0xffff : 0;
    const lower = v128.or(block, lowercase);
    const closing: u32 = <u32>i8x16.bitmask(i8x16.eq(lower, close)) & ~string;
    let brackets: u32 = (<u32>i8x16.bitmask(i8x16.eq(lower, open)) & ~string) | closing;
    while (brackets != 0) {
      const bit = brackets & (0 - brackets);
      const place = at + ctz(brackets);
      if ((closing & bit) == 0) {
        if (count == MOST || depth == DEEPEST) return -1;
        store<u32>(OPENS + (count << 2), place);
        store<u32>(STACK + (depth << 2), count);
        count++;
        depth++;
      } else {
        if (depth == 0) return -1;
        depth--;
        const opened = load<u32>(STACK + (depth << 2));
        store<u32>(CLOSES + (opened << 2), place);
        store<u32>(AFTER + (opened << 2), count);
      }
      brackets &= brackets - 1;
    }
    const on = v128.and(i8x16.eq(v128.load(INPUT + at - 1), n), i8x16.eq(v128.load(INPUT + at - 2), o));
    let ends: u32 = i8x16.bitmask(v128.and(isQuote, on));
    while (ends != 0) {
      const place = at + ctz(ends);
      if (load<u64>(INPUT + place - 8) == XTENSION) {
        if (found == MOST) return -1;
        store<u32>(EXTENSIONS + (found << 2), place);
        found++;
      }
      ends &= ends - 1;
    }
  }
  extensions = found;
  return depth == 0 ? <i32>count : -1;
}
