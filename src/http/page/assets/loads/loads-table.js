// @ts-check
import { button, element, setAttribute } from '../dom.js';
import { KeyedList } from '../keyed-list.js';
import { LoadRow } from './load-row.js';
import { COLUMNS } from './order.js';

/** @typedef {import('../../load-view.ts').LoadSummary} LoadSummary */
/** @typedef {import('./order.js').Order} Order */

/** The lines of the loads under heads that sort them. */
export class LoadsTable {
  #body = element('tbody', { role: 'rowgroup' });
  #heads;
  /** @type {KeyedList<{ load: LoadSummary, now: number }>} */
  #rows = new KeyedList(
    this.#body,
    ({ load }) => load.bucket,
    ({ load }) => new LoadRow(load.bucket),
  );

  node;

  /** @param {(key: Order['key'], firstDown: boolean) => void} onSort a head was pressed; its first order may be downwards */
  constructor(onSort) {
    this.#heads = new Map(
      COLUMNS.map(({ key, name, first }) => {
        const sort = button(name, 'sort', () => onSort(key, first === 'down'));
        return [key, element('th', { role: 'columnheader', scope: 'col', class: `head-${key}` }, sort)];
      }),
    );
    this.node = element(
      'table',
      { role: 'table', class: 'loads', 'aria-label': 'Loads' },
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...this.#heads.values())),
      this.#body,
    );
    this.#body.addEventListener('keydown', (event) => this.#onArrow(event));
  }

  /** @param {readonly LoadSummary[]} loads @param {Order} order @param {number} now */
  show(loads, order, now) {
    this.#rows.show(loads.map((load) => ({ load, now })));
    for (const [key, head] of this.#heads) {
      const direction = order.down ? 'descending' : 'ascending';
      setAttribute(head, 'aria-sort', key === order.key ? direction : 'none');
    }
  }

  /** The link of a bucket's line. @param {string | undefined} bucket */
  linkOf(bucket) {
    return this.#links().find(({ textContent }) => textContent === bucket);
  }

  #links() {
    return [...this.#body.querySelectorAll('a')];
  }

  /** Up and down go from line to line. @param {KeyboardEvent} event */
  #onArrow(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const place = this.#links().findIndex((link) => link.matches(':focus'));
    const next = step === undefined || place < 0 ? undefined : this.#links()[place + step];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }
}
