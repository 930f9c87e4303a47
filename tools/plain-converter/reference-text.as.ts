// The two parts of a relative reference, `Patient/pt-1`, 16 bytes at a time.

@inline
function between(block: v128, first: u8, count: u8): v128 {
  return i8x16.lt_u(i8x16.sub(block, i8x16.splat(first)), i8x16.splat(count));
}
@inline
function letters(block: v128): v128 {
  return between(v128.or(block, i8x16.splat(0x20)), 0x61, 26);
}

/** The address of the slash behind a resource type's name at `from`, or 0. */
export function typeEnd(from: usize): usize {
  if (<u32>load<u8>(from) - 0x41 >= 26) return 0;
  for (let at = from; ; at += 16) {
    const others: u32 = ~i8x16.bitmask(letters(v128.load(at))) & 0xffff;
    if (others == 0) continue;
    const slash = at + ctz(others);
    return load<u8>(slash) == 0x2f && slash > from + 1 ? slash : 0;
  }
}

/** The address of the quote behind an id at `from`, or 0. */
export function idEnd(from: usize): usize {
  for (let at = from; at <= from + 64; at += 16) {
    const block = v128.load(at);
    // `-` and `.` are neighbours.
    const allowed = v128.or(v128.or(letters(block), between(block, 0x30, 10)), between(block, 0x2d, 2));
    const others: u32 = ~i8x16.bitmask(allowed) & 0xffff;
    if (others == 0) continue;
    const close = at + ctz(others);
    return load<u8>(close) == 0x22 && close > from && close - from <= 64 ? close : 0;
  }
  return 0;
}
