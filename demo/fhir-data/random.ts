/** The finalizer of MurmurHash3: a bijection of the 32-bit integers, so different inputs give different outputs. */
export function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a of a short text: turns a purpose ("Patient", "Encounter>Patient") into a number to seed with. */
function textHash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** A 32-bit hash that is, for one seed and purpose, a bijection of the index. */
export function indexHash(seed: number, purpose: string, index: number): number {
  return mix(mix(mix(seed) ^ textHash(purpose)) + index);
}

/** Mulberry32: a small, fast, seeded generator; enough for made-up data, not for secrets. */
export class Random {
  #state: number;

  constructor(seed: number, purpose: string, index: number) {
    this.#state = indexHash(seed, purpose, index);
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer in [from, to]. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[Math.floor(this.next() * list.length)];
    if (item === undefined) throw new RangeError('Cannot pick from an empty list');
    return item;
  }

  digits(length: number): string {
    let text = '';
    while (text.length < length) text += this.between(0, 9);
    return text;
  }
}
