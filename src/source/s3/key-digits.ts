import { commonLength, compareKeys } from '../key-order.ts';

/** After all keys that have the same beginning, unless these go on with a character beyond ASCII. */
const LAST = '~';

/** Characters of a key that are looked at. */
const MOST_CHARACTERS = 256;

/** Characters compared for how far apart two keys are: as many digits as a number holds exactly. */
const PRECISION = 8;

/** The keys that may be left of a listing. */
export interface KeyRest {
  /** The keys of the last page, in order. */
  page: readonly string[];
  /** What the rest is not beyond, as far as is known. */
  end: string | undefined;
  /** Whether there are keys just beyond the end; otherwise all may end long before it. */
  isEndSure: boolean;
  /** Length of what all keys begin with, by the call. */
  prefixLength: number;
}

/**
 * Which characters keys have at which place: read as digits, they say where a listing's middle may be. Wherever
 * that is, it decides how evenly a listing is split, and never what it lists.
 */
export class KeyDigits {
  readonly #byPlace: string[][] = [];

  /** Adds what some keys of a page say; in each place where one digit stands, others may. */
  learn(keys: readonly string[]): void {
    const step = Math.max(1, Math.floor(keys.length / 20));
    for (let n = 0; n < keys.length; n += step) {
      const key = keys[n] ?? '';
      for (let place = 0; place < Math.min(key.length, MOST_CHARACTERS); place++) this.#add(place, key.charAt(place));
    }
  }

  /** About how many keys a rest has; Infinity where nothing is known of it. */
  estimate({ page, end, prefixLength }: KeyRest): number {
    const last = page.at(-1) ?? '';
    const place = end === undefined ? prefixLength : commonLength(last, end);
    // Of the page, only what shares the beginning of the rest.
    const first = page.findIndex((key) => key.startsWith(last.slice(0, place)));
    const covered = this.#value(last, place) - this.#value(page[first] ?? last, place);
    if (covered <= 0) return Number.POSITIVE_INFINITY;
    const left = (end === undefined ? 1 : this.#value(end, place)) - this.#value(last, place);
    return (left / covered) * (page.length - first);
  }

  /** A place, between the last key listed and the end, to split at; undefined where there is none worth it. */
  middle(rest: KeyRest): string | undefined {
    const { page, end, isEndSure, prefixLength } = rest;
    const last = page.at(-1) ?? '';
    const from = end === undefined ? prefixLength : commonLength(last, end);
    const varying = commonLength(page[0] ?? '', last);
    const middle =
      !isEndSure && varying - from >= 3
        ? last.slice(0, (from + varying) >> 1) + LAST
        : this.#between(last, end, [from, varying]);
    if (middle === undefined || !middle.isWellFormed()) return undefined;
    const isInside = compareKeys(middle, last) > 0 && (end === undefined || compareKeys(middle, end) < 0);
    return isInside ? middle : undefined;
  }

  /** The middle of the first place that has room between the two. */
  #between(last: string, end: string | undefined, [from, to]: [number, number]): string | undefined {
    for (let place = from; place <= to; place++) {
      const digits = this.#byPlace[place] ?? [];
      const low = this.#digit(place, last);
      const high = place === from && end !== undefined ? this.#digit(place, end) : digits.length;
      const digit = digits[(low + high) >> 1];
      if (high - low >= 2 && digit !== undefined) return last.slice(0, place) + digit;
    }
    return undefined;
  }

  #add(place: number, character: string): void {
    this.#byPlace[place] ??= [];
    const digits = this.#byPlace[place];
    if (digits.includes(character)) return;
    const all = /[0-9]/.test(character) ? [...'0123456789'] : [character];
    this.#byPlace[place] = [...new Set([...digits, ...all])].sort(compareKeys);
  }

  /** How many of the digits of a place come before the key's own; a key that ends before it has none. */
  #digit(place: number, key: string): number {
    const digits = this.#byPlace[place] ?? [];
    const character = key.charAt(place);
    const found = digits.findIndex((digit) => compareKeys(digit, character) >= 0);
    return found === -1 ? digits.length : found;
  }

  /** A key from a place on, as a fraction. */
  #value(key: string, from: number): number {
    let value = 0;
    let unit = 1;
    for (let place = from; place < from + PRECISION * 4 && unit > 1e-14; place++) {
      const size = this.#byPlace[place]?.length ?? 0;
      if (size < 2) {
        if (place < key.length && key.charAt(place) === LAST) return value + unit;
        continue;
      }
      unit /= size;
      value += Math.min(this.#digit(place, key), size) * unit;
    }
    return value;
  }
}
