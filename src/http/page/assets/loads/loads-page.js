// @ts-check
import { button, element, setAttribute, setHidden, setText } from '../dom.js';
import { formatNumberOf } from '../format.js';
import { KeyedList } from '../keyed-list.js';
import { addressOfList } from '../router.js';
import { LoadRow } from './load-row.js';
import { COLUMNS, DEFAULT_ORDER, formatOrder, isIn, matches, parseFilter, parseOrder, sorted } from './order.js';
import { Toolbar } from './toolbar.js';

/** @typedef {import('../../load-view.ts').LoadSummary} LoadSummary */
/** @typedef {import('./order.js').Order} Order */

/** All loads, one line each. Filter, order and search stand in the address. */
export class LoadsPage {
  /** How far the list was scrolled when a load was opened. */
  scrolled = 0;
  params = new URLSearchParams();
  /** @type {readonly LoadSummary[]} */
  #loads = [];
  #now = Date.now();
  #more = 0;
  /** How many there are, also those that are not read yet; undefined before the first word of the server. @type {number | undefined} */
  #total;
  #heading = element('h2', { tabindex: '-1' }, 'Loads');
  #toolbar = new Toolbar({
    onFilter: (filter) => this.#choose({ show: filter === 'all' ? '' : filter }),
    onFind: (text) => this.#choose({ find: text }),
    onOrder: (order) => this.#chooseOrder(order),
  });
  #body = element('tbody', { role: 'rowgroup' });
  #heads = new Map(
    COLUMNS.map(({ key, name, first }) => {
      const sort = button(name, 'sort', () => this.#sortBy(key, first === 'down'));
      return [key, element('th', { role: 'columnheader', scope: 'col', class: `head-${key}` }, sort)];
    }),
  );
  /** @type {KeyedList<{ load: LoadSummary, now: number }>} */
  #rows = new KeyedList(
    this.#body,
    ({ load }) => load.bucket,
    ({ load }) => new LoadRow(load.bucket),
  );
  #table = element(
    'table',
    { role: 'table', class: 'loads', 'aria-label': 'Loads' },
    element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...this.#heads.values())),
    this.#body,
  );
  #none = emptyNotice();
  #noMatch = element('p', { class: 'notice', role: 'status' });
  #rest = element('p', { class: 'muted' });

  node = element(
    'section',
    { class: 'loads-page' },
    element('div', { class: 'page-head' }, this.#heading, this.#toolbar.node),
    this.#table,
    this.#none,
    this.#noMatch,
    this.#rest,
  );

  constructor() {
    for (const part of [this.#table, this.#none, this.#noMatch, this.#toolbar.node]) part.hidden = true;
    this.node.addEventListener('keydown', (event) => this.#onArrow(event));
    addEventListener('keydown', (event) => {
      if (event.key !== '/' || !this.node.isConnected || isTyping(event.target)) return;
      event.preventDefault();
      this.#toolbar.focus();
    });
  }

  /** Shows the list as its address says. @param {URLSearchParams} params */
  go(params) {
    this.params = params;
    this.#draw();
  }

  /** Focuses the row of the load that the reader comes from. @param {string | undefined} bucket */
  focus(bucket) {
    const links = [...this.#body.querySelectorAll('a')];
    const link = links.find(({ textContent }) => textContent === bucket);
    (link ?? this.#heading).focus({ preventScroll: true });
  }

  /**
   * @param {{ loads: readonly LoadSummary[], total: number, more: number }} known `more`: loads that are not shown
   * @param {number} now
   */
  show({ loads, total, more }, now) {
    this.#total = total;
    this.#loads = loads;
    this.#more = more;
    this.#now = now;
    if (this.node.isConnected) this.#draw();
  }

  #draw() {
    const filter = parseFilter(this.params.get('show'));
    const text = this.params.get('find') ?? '';
    const order = parseOrder(this.params.get('sort'));
    const shown = this.#loads.filter((load) => isIn(load, filter) && matches(load, text));
    this.#rows.show(sorted(shown, order).map((load) => ({ load, now: this.#now })));
    for (const [key, head] of this.#heads) {
      const direction = order.down ? 'descending' : 'ascending';
      setAttribute(head, 'aria-sort', key === order.key ? direction : 'none');
    }
    this.#toolbar.choose({ filter, text, order });
    this.#toolbar.count(this.#loads);
    setHidden(this.#toolbar.node, this.#loads.length === 0);
    setHidden(this.#table, shown.length === 0);
    setHidden(this.#none, this.#total !== 0);
    setHidden(this.#noMatch, this.#loads.length === 0 || shown.length > 0);
    setText(this.#noMatch, text === '' ? 'No load is in this state.' : `No bucket’s name has “${text}” here.`);
    setText(
      this.#rest,
      this.#more > 0
        ? `${formatNumberOf(this.#more, 'older load')} not shown; their address is that of a load here, with their name.`
        : '',
    );
  }

  /** @param {Order['key']} key @param {boolean} firstDown */
  #sortBy(key, firstDown) {
    const now = parseOrder(this.params.get('sort'));
    this.#chooseOrder({ key, down: now.key === key ? !now.down : firstDown });
  }

  /** @param {Order} order */
  #chooseOrder(order) {
    const value = formatOrder(order);
    this.#choose({ sort: value === formatOrder(DEFAULT_ORDER) ? '' : value });
  }

  /** Changes the address, without a step in the browser's history. @param {Record<string, string>} change */
  #choose(change) {
    for (const [name, value] of Object.entries(change)) {
      if (value === '') this.params.delete(name);
      else this.params.set(name, value);
    }
    history.replaceState(null, '', addressOfList(this.params));
    this.#draw();
  }

  /** Up and down go from row to row. @param {KeyboardEvent} event */
  #onArrow(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || isTyping(event.target)) return;
    /** @type {(Element | null)[]} */
    const links = [...this.#body.querySelectorAll('a')];
    const place = links.indexOf(document.activeElement);
    const next = links[place + step];
    if (place < 0 || !(next instanceof HTMLElement)) return;
    event.preventDefault();
    next.focus();
  }
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
}

function emptyNotice() {
  return element(
    'div',
    { class: 'notice empty' },
    element('h3', {}, 'No bucket has been loaded yet'),
    element(
      'p',
      {},
      'Start with ',
      element('code', {}, 'fhir-bucket-loader load s3://bucket --follow'),
      ', or by ',
      element('code', {}, 'POST /rpc'),
      ' with the method ',
      element('code', {}, 'aidbox.bulk/load-from-bucket'),
      '. The load then appears here.',
    ),
  );
}
