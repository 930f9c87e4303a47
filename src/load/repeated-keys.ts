/**
 * Finds keys that a store lists more than once: some repeat the last key of a page at the start of the next, or a key whose object is
 * written meanwhile. Takes 8 bytes a key.
 */
export class RepeatedKeys {
  readonly #pages: Float64Array[] = [];

  add(keys: readonly string[]): void {
    this.#pages.push(Float64Array.from(keys, hashOf));
  }

  /** How many different keys were added, whatever was listed twice. */
  count(): number {
    const all = this.#sortedHashes();
    return all.reduce((count, hash, place) => (hash === all[place - 1] ? count : count + 1), 0);
  }

  /**
   * The files of a listing, each once: as it was listed last.
   * @param pages the pages whose keys were added; the same each time
   */
  *once<T extends { key: string }>(pages: () => Iterable<T[]>): Generator<T[]> {
    const repeated = this.#repeatedHashes();
    if (repeated.size === 0) {
      yield* pages();
      return;
    }
    // Few keys share a hash with another one by chance: the keys themselves decide.
    const left = new Map<string, number>();
    for (const page of pages()) {
      for (const { key } of page) if (repeated.has(hashOf(key))) left.set(key, (left.get(key) ?? 0) + 1);
    }
    for (const page of pages()) {
      yield page.filter(({ key }) => {
        const more = (left.get(key) ?? 1) - 1;
        if (left.has(key)) left.set(key, more);
        return more === 0;
      });
    }
  }

  #repeatedHashes(): ReadonlySet<number> {
    const all = this.#sortedHashes();
    return new Set(all.filter((hash, place) => hash === all[place - 1]));
  }

  #sortedHashes(): Float64Array {
    const all = new Float64Array(this.#pages.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const page of this.#pages) {
      all.set(page, at);
      at += page.length;
    }
    return all.sort();
  }
}

/** 53 bits: of a million keys hardly two have the same. */
function hashOf(key: string): number {
  let [low, high] = [0x811c9dc5, 0x9dc5811c];
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995);
    high ^= high >>> 15;
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
