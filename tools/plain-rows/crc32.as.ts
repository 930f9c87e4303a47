// What zlib's CRC-32 of many bytes comes to, by a sparse multiple of its polynomial (Chorba, arXiv 2412.16398): a byte adds to three that
// are farther on, so that all but the last bytes become zeros, without a table.

/** How far on, in bytes. */
const NEAR: usize = 1927;
const MIDDLE: usize = 2181;
const FAR: usize = 4018;
/** Bytes of a turn of the loop. Less than any distance. */
const STEP: usize = 64;
/** Bytes that others still get something of: stays in a core's nearest cache. */
const RING_BYTES: usize = 8192;
/** Where in the area the last bytes are. Before them the ring's first step stands once more, so that no load has to be put together. */
export const LAST: usize = RING_BYTES + STEP;
export const LAST_BYTES: usize = FAR + STEP + 16;
/** What `fold` needs for its work. */
export const FOLD_AREA_BYTES: usize = LAST + LAST_BYTES;

@inline
function gather(area: usize, at: usize, data: usize, offset: usize): v128 {
  const near = area + ((at - NEAR) & (RING_BYTES - 1));
  const middle = area + ((at - MIDDLE) & (RING_BYTES - 1));
  const far = area + ((at - FAR) & (RING_BYTES - 1));
  const two = v128.xor(v128.load(data + offset), v128.load(near + offset));
  return v128.xor(two, v128.xor(v128.load(middle + offset), v128.load(far + offset)));
}

/**
 * Folds more than FAR bytes; up to 15 behind them are read, and of no account.
 * @param register of CRC-32, before the bytes
 * @returns of how many last bytes, with a register of zero before them, the CRC-32 is that of all
 */
export function fold(area: usize, data: usize, length: usize, register: u32): u32 {
  const folded = (length - FAR) & ~(STEP - 1);
  memory.fill(area, 0, RING_BYTES + STEP);
  for (let at: usize = 0; at < folded; at += STEP) {
    const from = data + at;
    let a = gather(area, at, from, 0);
    const b = gather(area, at, from, 16);
    const c = gather(area, at, from, 32);
    const d = gather(area, at, from, 48);
    const to = area + (at & (RING_BYTES - 1));
    if (to == area) {
      if (at == 0) a = v128.xor(a, i32x4.replace_lane(i32x4.splat(0), 0, register));
      v128.store(area + RING_BYTES, a);
      v128.store(area + RING_BYTES, b, 16);
      v128.store(area + RING_BYTES, c, 32);
      v128.store(area + RING_BYTES, d, 48);
    }
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
  }
  // The last bytes add to none.
  const rest = length - folded;
  for (let done: usize = 0; done < rest; done += 16) {
    const at = folded + done;
    v128.store(area + LAST + done, gather(area, at, data + at, 0));
    const ring = at & (RING_BYTES - 1);
    v128.store(area + ring, i32x4.splat(0));
    if (ring < STEP) v128.store(area + RING_BYTES + ring, i32x4.splat(0));
  }
  return <u32>rest;
}
