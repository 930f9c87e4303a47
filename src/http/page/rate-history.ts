import type { LoadView, RateSample } from './load-view.ts';

/** How far back a page looks, in ms. */
const KEPT_MS = 10 * 60_000;

/** The rates of one load over the last ten minutes, one sample for each time it was read. */
export class RateHistory {
  readonly #samples: RateSample[] = [];

  add(at: number, { rate }: LoadView): void {
    this.#samples.push([at, rate['bytes-per-second'], rate['resources-per-second']]);
    while ((this.#samples[0]?.[0] ?? at) < at - KEPT_MS) this.#samples.shift();
  }

  samples(): RateSample[] {
    return [...this.#samples];
  }
}
