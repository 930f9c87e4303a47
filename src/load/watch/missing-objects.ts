/** Pauses before those that are missing are asked for once more, in ms: the first, then twice as long each time. */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * Objects of a watched bucket that are listed, and were gone when they were read. They may be back at any time with the same bytes, so the
 * next listing has them read once more; a store that goes on listing what it does not have would make each listing a load that fails.
 */
export class MissingObjects {
  #count = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #askedAt = Number.NEGATIVE_INFINITY;

  /**
   * Whether a listing that finds nothing else to load is to begin a load for them; then it does.
   * @param count of them, in a whole listing
   * @param now ms of a clock that goes on
   */
  areDue(count: number, now: number): boolean {
    if (count !== this.#count) {
      this.#count = count;
      this.#pauseMs = FIRST_PAUSE_MS;
    } else if (now - this.#askedAt < this.#pauseMs) return false;
    else this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    this.#askedAt = now;
    return count > 0;
  }
}
