import { CLOSES, DEEPEST, INPUT, LINE, NEEDLES, NEEDLES_END, QUOTES, STACK } from './memory-map.as';

/** `xtension` as a little-endian number. */
const XTENSION: u64 = 0x6e6f69736e657478;
const ODD_BITS: u64 = 0xaaaaaaaaaaaaaaaa;

/** Whether the line has a backslash. */
export let hasEscapes: bool = false;

@inline
function bits(a: v128, b: v128, c: v128, d: v128, byte: v128): u64 {
  return (
    <u64>(<u32>i8x16.bitmask(i8x16.eq(a, byte)) | (<u32>i8x16.bitmask(i8x16.eq(b, byte)) << 16)) |
    (<u64>(<u32>i8x16.bitmask(i8x16.eq(c, byte)) | (<u32>i8x16.bitmask(i8x16.eq(d, byte)) << 16)) << 32)
  );
}

/**
 * Whether a key `extension` or `modifierExtension` may be here: the letters `xtension"`, or the escape of a letter,
 * `\u004…`, `\u006…` or `\u007…`.
 */
@inline
function isNeedle(at: usize): bool {
  if (load<u8>(at) == 0x78) return load<u64>(at) == XTENSION && load<u8>(at + 8) == 0x22;
  // `\u00`
  if (load<u32>(at) != 0x3030755c) return false;
  const sixteens = load<u8>(at + 4);
  return sixteens == 0x34 || sixteens == 0x36 || sixteens == 0x37;
}

/**
 * Goes over the first `length` bytes of the input, 64 at a time: finds the quotes of strings, which bracket closes which, and
 * where an extension may be. Brackets are counted, not matched. Gives false where the line is too long or too deep, has
 * too many of something, or a string or bracket that does not end.
 */
export function scan(length: u32): bool {
  if (length > LINE) return false;
  const end = INPUT + length;
  // No white space and no bracket: whoever walks over the line stops here.
  for (let at = end; at < end + 64; at += 16) v128.store(at, i8x16.splat(0));
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  const lowercase = i8x16.splat(0x20);
  const opens = i8x16.splat(0x7b);
  const closes = i8x16.splat(0x7d);
  const x = i8x16.splat(0x78);
  let escapes: u64 = 0;
  // All ones within a string.
  let inside: u64 = 0;
  // Whether the block's first byte is escaped.
  let carried: u64 = 0;
  let top: usize = STACK;
  let needle: usize = NEEDLES;
  for (let at: usize = INPUT; at < end; at += 64) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    let quote = bits(a, b, c, d, quotes);
    const backslash = bits(a, b, c, d, backslashes);
    let escape: u64 = 0;
    if ((backslash | carried) != 0) {
      // As in simdjson: which backslashes escape, and what.
      const potential = backslash & ~carried;
      const ends = (((potential << 1) | ODD_BITS) - potential) ^ ODD_BITS;
      quote &= ~(ends ^ (backslash | carried));
      escape = ends & backslash;
      carried = escape >> 63;
      escapes |= backslash;
    }
    store<u64>(QUOTES + ((at - INPUT) >> 3), quote);
    // Each bit: whether the number of quotes up to it is odd.
    let odd = quote;
    odd ^= odd << 1;
    odd ^= odd << 2;
    odd ^= odd << 4;
    odd ^= odd << 8;
    odd ^= odd << 16;
    odd ^= odd << 32;
    const string = odd ^ inside;
    inside = <u64>((<i64>string) >> 63);
    const la = v128.or(a, lowercase);
    const lb = v128.or(b, lowercase);
    const lc = v128.or(c, lowercase);
    const ld = v128.or(d, lowercase);
    const closing = bits(la, lb, lc, ld, closes) & ~string;
    let brackets = (bits(la, lb, lc, ld, opens) & ~string) | closing;
    while (brackets != 0) {
      const bit = ctz(brackets);
      const place = at + <usize>bit;
      // An opening bracket is pushed. A closing one pops, and what it writes above the top does no harm.
      const isClosing = <usize>((closing >> bit) & 1);
      if (isClosing != 0 && top == STACK) return false;
      const opened = isClosing != 0 ? <usize>load<u32>(top - 4) : place;
      store<u32>(CLOSES + ((opened - INPUT) << 2), <u32>place);
      store<u32>(top, <u32>place);
      top += 4 - (isClosing << 3);
      if (top > STACK + 4 * DEEPEST) return false;
      brackets &= brackets - 1;
    }
    let candidates = bits(a, b, c, d, x) | escape;
    while (candidates != 0) {
      const place = at + <usize>ctz(candidates);
      if (isNeedle(place)) {
        if (needle == NEEDLES_END) return false;
        store<u32>(needle, <u32>place);
        needle += 4;
      }
      candidates &= candidates - 1;
    }
  }
  store<u32>(needle, 0xffffffff);
  // Whoever looks for a further quote finds one behind the line.
  store<u64>(QUOTES + (((<usize>length + 63) >> 6) << 3), ~(<u64>0));
  hasEscapes = escapes != 0;
  return inside == 0 && top == STACK;
}

/** The address of the first quote of a string from `from` on; one behind the line where there is none. */
@inline
export function nextQuote(from: usize): usize {
  const offset = from - INPUT;
  const found = load<u64>(QUOTES + ((offset >> 6) << 3)) >> (<u64>offset & 63);
  return found != 0 ? from + <usize>ctz(found) : nextBlocksQuote(offset >> 6);
}

function nextBlocksQuote(block: usize): usize {
  while (true) {
    block++;
    const found = load<u64>(QUOTES + (block << 3));
    if (found != 0) return INPUT + (block << 6) + <usize>ctz(found);
  }
}

/** The address of the bracket that closes the one at `open`. */
@inline
export function closeOf(open: usize): usize {
  return load<u32>(CLOSES + ((open - INPUT) << 2));
}
