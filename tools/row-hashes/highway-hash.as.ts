// HighwayHash of 128 bits (Alakuijala, Cox, Wassenberg: Fast keyed hash/pseudo-random function using SIMD multiply and permute, 2016),
// whose results are frozen. Its state is four vectors of four numbers of 64 bits, each here in two halves.
import { KEY, KEYED_STATE, STREAM_STATE } from './memory-map.as';

export const HASH_BYTES: usize = 16;
const PACKET_BYTES: usize = 32;
const FINAL_ROUNDS: i32 = 6;
/** Bytes of a vector in memory. */
const VECTOR: usize = 32;

/** Numbers of 32 bits, those in the even places of `a` with those in the odd places of `b`, multiplied to such of 64. */
@inline
function multiply(a: v128, b: v128): v128 {
  return i64x2.extmul_low_i32x4_u(v128.shuffle<u32>(a, a, 0, 2, 0, 2), v128.shuffle<u32>(b, b, 1, 3, 1, 3));
}

@inline
function zipperMerge(v: v128): v128 {
  return v128.shuffle<u8>(v, v, 3, 12, 2, 5, 14, 1, 15, 0, 11, 4, 10, 13, 9, 6, 8, 7);
}

@inline
function swapHalves(v: v128): v128 {
  return v128.shuffle<u32>(v, v, 1, 0, 3, 2);
}

/** Of 16 bytes those that come before the one at `bytes`, perhaps none or all; the others are 0. */
@inline
function firstBytes(v: v128, bytes: i32): v128 {
  return v128.and(v, i8x16.lt_s(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>bytes)));
}

/** Sets what a hash begins with, by the key. */
export function useKey(): void {
  const mul0 = i64x2(0xdbe6d5d5fe4cce2f, 0xa4093822299f31d0);
  const mul0b = i64x2(0x13198a2e03707344, 0x243f6a8885a308d3);
  const mul1 = i64x2(0x3bd39e10cb0ef593, 0xc0acf169b5f18a8c);
  const mul1b = i64x2(0xbe5466cf34e90c6c, 0x452821e638d01377);
  const key = v128.load(KEY);
  const keyB = v128.load(KEY, 16);
  v128.store(KEYED_STATE, v128.xor(mul0, key));
  v128.store(KEYED_STATE + 16, v128.xor(mul0b, keyB));
  v128.store(KEYED_STATE + VECTOR, v128.xor(mul1, swapHalves(key)));
  v128.store(KEYED_STATE + VECTOR + 16, v128.xor(mul1b, swapHalves(keyB)));
  v128.store(KEYED_STATE + 2 * VECTOR, mul0);
  v128.store(KEYED_STATE + 2 * VECTOR + 16, mul0b);
  v128.store(KEYED_STATE + 3 * VECTOR, mul1);
  v128.store(KEYED_STATE + 3 * VECTOR + 16, mul1b);
}

/** Writes the hash of the bytes [from, to) to `out`. Up to 31 bytes behind them are read, and of no account. */
export function hash(from: usize, to: usize, out: usize): void {
  absorb(KEYED_STATE, from, to, out);
}

/** Begins the hash of bytes that come in parts. */
export function suspend(): void {
  memory.copy(STREAM_STATE, KEYED_STATE, 4 * VECTOR);
}

/** Goes on with it; ends it where there is an `out`, and else takes a multiple of 32 bytes. */
export function resume(from: usize, to: usize, out: usize): void {
  absorb(STREAM_STATE, from, to, out);
}

function absorb(state: usize, from: usize, to: usize, out: usize): void {
  let v0 = v128.load(state);
  let v0b = v128.load(state, 16);
  let v1 = v128.load(state, 32);
  let v1b = v128.load(state, 48);
  let mul0 = v128.load(state, 64);
  let mul0b = v128.load(state, 80);
  let mul1 = v128.load(state, 96);
  let mul1b = v128.load(state, 112);
  let packet = v0;
  let packetB = v0b;
  let at = from;
  let rounds = out == 0 ? 0 : FINAL_ROUNDS;
  for (;;) {
    if (at + PACKET_BYTES <= to) {
      packet = v128.load(at);
      packetB = v128.load(at, 16);
      at += PACKET_BYTES;
    } else if (at < to) {
      const left = <i32>(to - at);
      const whole = left & ~3;
      const size = i64x2.splat((<i64>left << 32) + left);
      v0 = i64x2.add(v0, size);
      v0b = i64x2.add(v0b, size);
      v1 = v128.or(i32x4.shl(v1, left), i32x4.shr_u(v1, 32 - left));
      v1b = v128.or(i32x4.shl(v1b, left), i32x4.shr_u(v1b, 32 - left));
      packet = firstBytes(v128.load(at), whole);
      packetB = firstBytes(v128.load(at, 16), whole - 16);
      if (left & 16) packetB = i32x4.replace_lane(packetB, 3, load<i32>(to - 4));
      else if (left & 3) {
        const rest = at + whole;
        const odd = left & 3;
        const three = load<u8>(rest) | (<u32>load<u8>(rest + (odd >> 1)) << 8) | (<u32>load<u8>(to - 1) << 16);
        packetB = i32x4.replace_lane(packetB, 0, three);
      }
      at = to;
    } else if (rounds > 0) {
      packet = swapHalves(v0b);
      packetB = swapHalves(v0);
      rounds--;
    } else break;
    v1 = i64x2.add(v1, i64x2.add(mul0, packet));
    v1b = i64x2.add(v1b, i64x2.add(mul0b, packetB));
    mul0 = v128.xor(mul0, multiply(v1, v0));
    mul0b = v128.xor(mul0b, multiply(v1b, v0b));
    v0 = i64x2.add(v0, mul1);
    v0b = i64x2.add(v0b, mul1b);
    mul1 = v128.xor(mul1, multiply(v0, v1));
    mul1b = v128.xor(mul1b, multiply(v0b, v1b));
    v0 = i64x2.add(v0, zipperMerge(v1));
    v0b = i64x2.add(v0b, zipperMerge(v1b));
    v1 = i64x2.add(v1, zipperMerge(v0));
    v1b = i64x2.add(v1b, zipperMerge(v0b));
  }
  if (out != 0) {
    v128.store(out, i64x2.add(i64x2.add(v0, mul0), i64x2.add(v1b, mul1b)));
    return;
  }
  v128.store(state, v0);
  v128.store(state, v0b, 16);
  v128.store(state, v1, 32);
  v128.store(state, v1b, 48);
  v128.store(state, mul0, 64);
  v128.store(state, mul0b, 80);
  v128.store(state, mul1, 96);
  v128.store(state, mul1b, 112);
}
