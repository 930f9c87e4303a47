// The two parts of a relative reference, `Patient/pt-1`, 16 bytes at a time.

@inline
function between(block: v128, first: u8, count: u8): v128 {
  return i8x16.lt_u(i8x16.sub(block, i8x16.splat(first)), i8x16.splat(count));
}
@inline
function letters(block: v128): v128 {
  return between(v128.or(block, i8x16.splat(0x20)), 0x61, 26);
}

/** Given where an escape might stand for a letter, a digit or a sign that matters. */
export const UNKNOWN: usize = usize.MAX_VALUE;

/** The bytes of the slash at `at`, which some writers escape: `\/`. 0 where there is none. */
@inline
export function slashLength(at: usize): usize {
  const byte = load<u8>(at);
  return byte == 0x2f ? 1 : byte == 0x5c && load<u8>(at + 1) == 0x2f ? 2 : 0;
}

/** The address of the slash behind a resource type's name at `from`; 0 where it is no such name, or UNKNOWN. */
export function typeEnd(from: usize): usize {
  const first: u32 = load<u8>(from);
  if (first - 0x41 >= 26) return first == 0x5c ? UNKNOWN : 0;
  for (let at = from; ; at += 16) {
    const others: u32 = ~i8x16.bitmask(letters(v128.load(at))) & 0xffff;
    if (others == 0) continue;
    const slash = at + ctz(others);
    if (slashLength(slash) != 0) return slash > from + 1 ? slash : 0;
    return load<u8>(slash) == 0x5c ? UNKNOWN : 0;
  }
}

/** The address of the quote behind an id at `from`; 0 where it is no id, or UNKNOWN. */
export function idEnd(from: usize): usize {
  for (let at = from; at <= from + 64; at += 16) {
    const block = v128.load(at);
    // `-` and `.` are neighbours.
    const allowed = v128.or(v128.or(letters(block), between(block, 0x30, 10)), between(block, 0x2d, 2));
    const others: u32 = ~i8x16.bitmask(allowed) & 0xffff;
    if (others == 0) continue;
    const close = at + ctz(others);
    const byte = load<u8>(close);
    if (byte == 0x5c && slashLength(close) == 0) return UNKNOWN;
    return byte == 0x22 && close > from && close - from <= 64 ? close : 0;
  }
  return 0;
}
