// @ts-check

/** @typedef {import('../../load-view.ts').RateSample} RateSample */

/** More samples than this are thinned: a chart has fewer pixels. */
const MOST_SAMPLES = 1_500;

/** The rates of one run: those that the server has kept, and those that this page has seen since. */
export class RateHistory {
  /** @type {RateSample[]} */
  samples = [];
  /** How far apart samples may be at most that belong together, in ms. */
  gapMs = 6_000;

  /** Begins with what the server has kept of a run. @param {RateSample[]} kept @param {number} gapMs */
  begin(kept, gapMs) {
    this.samples = [...kept];
    this.gapMs = Math.max(gapMs, 6_000);
  }

  /**
   * @param {number} at ms since 1970
   * @param {import('../../load-view.ts').LoadView['rate']} rate
   */
  add(at, rate) {
    // Two replicas' clocks may differ a little after a reconnect.
    if (at <= (this.samples.at(-1)?.[0] ?? 0)) return;
    this.samples.push([at, rate['bytes-per-second'], rate['resources-per-second']]);
    if (this.samples.length <= MOST_SAMPLES) return;
    this.samples = this.samples.filter((_, place) => place % 2 === 0);
    this.gapMs *= 2;
  }
}
