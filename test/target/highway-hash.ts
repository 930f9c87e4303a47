/** HighwayHash as its paper has it, number by number, for tests: https://arxiv.org/abs/1612.06257. */
const WORD = (1n << 64n) - 1n;
const HALF = 0xffffffffn;

const MUL0 = [0xdbe6d5d5fe4cce2fn, 0xa4093822299f31d0n, 0x13198a2e03707344n, 0x243f6a8885a308d3n];
const MUL1 = [0x3bd39e10cb0ef593n, 0xc0acf169b5f18a8cn, 0xbe5466cf34e90c6cn, 0x452821e638d01377n];
/** Which byte of two numbers comes where. */
const ZIPPER = [3, 12, 2, 5, 14, 1, 15, 0, 11, 4, 10, 13, 9, 6, 8, 7];

const swap = (n: bigint) => ((n << 32n) | (n >> 32n)) & WORD;
const at = (numbers: readonly bigint[], i: number) => numbers[i] ?? 0n;

function zipped(numbers: readonly bigint[]): bigint[] {
  return [0, 2].flatMap((pair) => {
    const both = at(numbers, pair) | (at(numbers, pair + 1) << 64n);
    const merged = ZIPPER.reduce((sum, from, to) => sum | (((both >> BigInt(8 * from)) & 255n) << BigInt(8 * to)), 0n);
    return [merged & WORD, merged >> 64n];
  });
}

/** Of 128 bits. @param key 32 bytes */
export function highwayHash(key: Buffer, bytes: Buffer): Buffer {
  const keys = [0, 8, 16, 24].map((from) => key.readBigUInt64LE(from));
  let [mul0, mul1] = [[...MUL0], [...MUL1]];
  let v0 = mul0.map((n, i) => n ^ at(keys, i));
  let v1 = mul1.map((n, i) => n ^ swap(at(keys, i)));
  const plus = (a: readonly bigint[], b: readonly bigint[]) => a.map((n, i) => (n + at(b, i)) & WORD);
  const update = (packet: readonly bigint[]) => {
    v1 = plus(plus(v1, mul0), packet);
    mul0 = mul0.map((n, i) => n ^ ((at(v1, i) & HALF) * (at(v0, i) >> 32n)));
    v0 = plus(v0, mul1);
    mul1 = mul1.map((n, i) => n ^ ((at(v0, i) & HALF) * (at(v1, i) >> 32n)));
    v0 = plus(v0, zipped(v1));
    v1 = plus(v1, zipped(v0));
  };
  const packetOf = (packet: Buffer) => [0, 8, 16, 24].map((from) => packet.readBigUInt64LE(from));
  const whole = bytes.length - (bytes.length % 32);
  for (let from = 0; from < whole; from += 32) update(packetOf(bytes.subarray(from, from + 32)));
  const rest = bytes.subarray(whole);
  if (rest.length > 0) {
    const size = BigInt(rest.length);
    v0 = v0.map((n) => (n + (size << 32n) + size) & WORD);
    const turned = (n: bigint) => ((n << size) | (n >> (32n - size))) & HALF;
    v1 = v1.map((n) => turned(n & HALF) | (turned(n >> 32n) << 32n));
    const packet = Buffer.alloc(32);
    const odd = rest.length % 4;
    rest.copy(packet, 0, 0, rest.length - odd);
    const tail = rest.subarray(rest.length - odd);
    if (rest.length >= 16) rest.copy(packet, 28, rest.length - 4);
    else if (odd > 0) packet.set([tail[0] ?? 0, tail[odd >> 1] ?? 0, tail[odd - 1] ?? 0], 16);
    update(packetOf(packet));
  }
  for (let round = 0; round < 6; round++) update([2, 3, 0, 1].map((i) => swap(at(v0, i))));
  const hash = Buffer.alloc(16);
  for (const i of [0, 1]) {
    hash.writeBigUInt64LE((at(v0, i) + at(mul0, i) + at(v1, i + 2) + at(mul1, i + 2)) & WORD, 8 * i);
  }
  return hash;
}
