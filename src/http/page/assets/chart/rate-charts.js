// @ts-check
import { element } from '../dom.js';
import { formatBytes, formatCompact } from '../format.js';
import { RateChart } from './rate-chart.js';

/** @typedef {import('../../load-view.ts').RateSample} RateSample */

/** Resources and bytes per second, side by side. */
export class RateCharts {
  #resources = new RateChart('Resources per second', formatCompact);
  #bytes = new RateChart('Bytes per second', formatBytes);

  node = element('div', { class: 'charts' }, this.#resources.node, this.#bytes.node);

  /** @param {readonly RateSample[]} samples @param {{ live: boolean, gapMs: number }} options as those of `RateChart.show` */
  show(samples, options) {
    this.#resources.show(
      samples.map(([at, , value]) => ({ at, value })),
      options,
    );
    this.#bytes.show(
      samples.map(([at, value]) => ({ at, value })),
      options,
    );
  }
}
