// @ts-check
import { button, element, setHidden, setText } from '../dom.js';
import { formatMoment } from '../format-time.js';
import { call } from '../server.js';

/** @typedef {import('../../load-view.ts').LoadView} LoadView */
/** @typedef {import('./outcome.js').Outcome} Outcome */

/** That a bucket is watched: its pace, its next listing, what failed, and the way to end it. */
export class WatchLine {
  #text = element('span');
  #end;

  node;

  /** @param {string} bucket @param {Outcome} outcome @param {HTMLElement} title gets the focus when the line goes */
  constructor(bucket, outcome, title) {
    this.title = title;
    this.#end = button('End watch', 'quiet', () =>
      outcome.act(this.#end, () => call('fhir-bucket-loader/unwatch', { bucket })),
    );
    this.node = element('p', { class: 'watch' }, this.#text, ' ', this.#end);
    this.node.hidden = true;
  }

  /** @param {LoadView['watch']} watch */
  update(watch) {
    if (watch !== undefined) setText(this.#text, watchText(watch));
    setHidden(this.node, watch === undefined, this.title);
  }
}

/** @param {NonNullable<LoadView['watch']>} watch */
function watchText({ every, 'next-listing-at': next, failures = 0, message }) {
  const pace = `Listed every ${every}, next at ${formatMoment(Date.parse(next))}.`;
  if (message === undefined) return pace;
  return failures > 0
    ? `${pace} The last ${failures === 1 ? 'listing' : `${failures} listings`} failed: ${message}`
    : `${pace} ${message}`;
}
