// @ts-check

/** @typedef {import('../../load-view.ts').RateSample} RateSample */

/** How far back the charts go, in ms. */
const KEPT_MS = 10 * 60_000;

/** The rates of one load over the last ten minutes, as reported by the server and as seen by this page. */
export class RateHistory {
  /** @type {RateSample[]} */
  samples = [];

  /** The rates that the server sends at the start of a connection; it may have watched when this page did not. @param {RateSample[]} told */
  begin(told) {
    const first = told[0]?.[0] ?? Number.POSITIVE_INFINITY;
    this.samples = [...this.samples.filter(([at]) => at < first), ...told];
  }

  /**
   * @param {number} at ms since 1970
   * @param {import('../../load-view.ts').LoadView['rate']} rate
   */
  add(at, rate) {
    // Two replicas' clocks may differ a little after a reconnect.
    if (at <= (this.samples.at(-1)?.[0] ?? 0)) return;
    this.samples.push([at, rate['bytes-per-second'], rate['resources-per-second']]);
    while ((this.samples[0]?.[0] ?? at) < at - KEPT_MS) this.samples.shift();
  }
}
