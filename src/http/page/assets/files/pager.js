// @ts-check
import { button, element, setAttribute, setHidden, setText } from '../dom.js';
import { formatCount } from '../format.js';

/** Leads through the pages of a long list. */
export class Pager {
  #place = element('span', { class: 'pager-place', role: 'status' });
  #first;
  #previous;
  #next;
  #last;
  #page = 1;
  #pages = 1;

  node;

  /** @param {string} what the list, for those who do not see it @param {(page: number) => void} onPage */
  constructor(what, onPage) {
    const step = (/** @type {string} */ text, /** @type {string} */ name, /** @type {() => number} */ target) => {
      const made = button(text, 'step', () => {
        if (made.getAttribute('aria-disabled') !== 'true') onPage(target());
      });
      made.setAttribute('aria-label', name);
      return made;
    };
    this.#first = step('«', 'First page', () => 1);
    this.#previous = step('‹', 'Previous page', () => this.#page - 1);
    this.#next = step('›', 'Next page', () => this.#page + 1);
    this.#last = step('»', 'Last page', () => this.#pages);
    this.node = element(
      'nav',
      { class: 'pager', 'aria-label': `Pages of ${what}` },
      this.#first,
      this.#previous,
      this.#place,
      this.#next,
      this.#last,
    );
  }

  /** @param {{ page: number, count: number, total: number }} shown */
  show({ page, count, total }) {
    this.#page = page;
    this.#pages = Math.max(1, Math.ceil(total / count));
    const from = total === 0 ? 0 : (page - 1) * count + 1;
    const until = Math.min(total, page * count);
    setText(this.#place, `${formatCount(from)}–${formatCount(until)} of ${formatCount(total)}`);
    for (const each of [this.#first, this.#previous]) setAttribute(each, 'aria-disabled', String(page <= 1));
    for (const each of [this.#next, this.#last]) setAttribute(each, 'aria-disabled', String(page >= this.#pages));
    setHidden(this.node, total <= count);
  }
}
