// @ts-check
import { element, setAttribute } from './dom.js';

/**
 * @typedef {object} Shares parts of a whole, in any unit
 * @property {number} total
 * @property {number} loaded
 * @property {number} failed
 * @property {number} [leftOut] share of `loaded` that was left out, 0 to 1
 */

/** A bar with what is loaded, what of it was left out, and what failed, each in its colour. */
export class SplitBar {
  #loaded = element('span', { class: 'bar-loaded' });
  #leftOut = element('span', { class: 'bar-left-out' });
  #failed = element('span', { class: 'bar-failed' });

  node = element(
    'div',
    { class: 'bar', role: 'progressbar', 'aria-valuemin': '0', 'aria-valuemax': '100' },
    this.#loaded,
    this.#leftOut,
    this.#failed,
  );

  /**
   * @param {Shares} shares
   * @param {string} label what the bar is of
   * @param {string} text the same in words
   */
  show({ total, loaded, failed, leftOut = 0 }, label, text) {
    const share = (/** @type {number} */ part) => (total > 0 ? Math.min(1, part / total) : 0);
    setShare(this.#loaded, share(loaded) * (1 - leftOut));
    setShare(this.#leftOut, share(loaded) * leftOut);
    setShare(this.#failed, share(failed));
    setAttribute(this.node, 'aria-label', label);
    setAttribute(this.node, 'aria-valuenow', (100 * share(loaded + failed)).toFixed(2));
    setAttribute(this.node, 'aria-valuetext', text);
  }
}

/** @param {HTMLElement} part @param {number} share */
function setShare(part, share) {
  // CSS keeps a part that is not empty wide enough to be seen.
  part.hidden = share <= 0;
  part.style.flexBasis = `${(share * 100).toFixed(3)}%`;
}
