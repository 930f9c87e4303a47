// @ts-check
import { button, element, setAttribute, setText } from '../dom.js';
import { COLUMNS, FILTERS, formatOrder, isIn, parseFilter, parseOrder } from './order.js';

/** @typedef {import('../../load-view.ts').LoadSummary} LoadSummary */
/** @typedef {import('./order.js').Filter} Filter */
/** @typedef {import('./order.js').Order} Order */

/** The orders that the select offers; on a wide screen the columns' heads offer all. @type {readonly [string, string][]} */
const ORDERS = [
  ['-called', 'Latest call first'],
  ['state', 'By state'],
  ['bucket', 'By name'],
  ['-progress', 'Most loaded first'],
  ['-rate', 'Fastest first'],
  ['left', 'Soonest done first'],
  ['-failed', 'Most failures first'],
];

/** Filter, search and order of the list. */
export class Toolbar {
  #find = element('input', {
    type: 'search',
    placeholder: 'Find a bucket',
    'aria-label': 'Find a bucket',
    'aria-keyshortcuts': '/',
  });
  #sort = element('select', { 'aria-label': 'Order' });
  /** @type {Map<Filter, { node: HTMLButtonElement, count: HTMLElement }>} */
  #filters = new Map();

  node;

  /** @param {{ onFilter(filter: Filter): void, onFind(text: string): void, onOrder(order: Order): void }} listener */
  constructor({ onFilter, onFind, onOrder }) {
    const chips = Object.entries(FILTERS).map(([key, name]) => {
      const filter = parseFilter(key);
      const count = element('span', { class: 'chip-count' }, '0');
      const node = button(name, 'chip', () => onFilter(filter));
      node.append(' ', count);
      this.#filters.set(filter, { node, count });
      return node;
    });
    this.#sort.append(...ORDERS.map(([value, text]) => element('option', { value }, text)));
    this.#find.addEventListener('input', () => onFind(this.#find.value.trim()));
    this.#sort.addEventListener('change', () => onOrder(parseOrder(this.#sort.value)));
    this.node = element(
      'div',
      { class: 'toolbar' },
      element('div', { class: 'chips', role: 'group', 'aria-label': 'Show' }, ...chips),
      this.#find,
      this.#sort,
    );
  }

  /** Puts the cursor into the search field. */
  focus() {
    this.#find.focus();
    this.#find.select();
  }

  /** @param {{ filter: Filter, text: string, order: Order }} chosen */
  choose({ filter, text, order }) {
    for (const [key, { node }] of this.#filters) setAttribute(node, 'aria-pressed', String(key === filter));
    if (this.#find.value.trim() !== text) this.#find.value = text;
    const value = formatOrder(order);
    if (!ORDERS.some(([known]) => known === value)) {
      const name = COLUMNS.find(({ key }) => key === order.key)?.name ?? '';
      this.#sort.append(element('option', { value }, `${name}, ${order.down ? 'descending' : 'ascending'}`));
    }
    this.#sort.value = value;
  }

  /** @param {readonly LoadSummary[]} loads */
  count(loads) {
    for (const [key, { count }] of this.#filters)
      setText(count, String(loads.filter((load) => isIn(load, key)).length));
  }
}
