// @ts-check
import { element, setHidden, setText } from '../dom.js';
import { formatNumberOf } from '../format.js';
import { addressOfList } from '../router.js';
import { LoadsTable } from './loads-table.js';
import { DEFAULT_ORDER, formatOrder, isIn, matches, parseFilter, parseOrder, sorted } from './order.js';
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
  #table = new LoadsTable((key, firstDown) => this.#sortBy(key, firstDown));
  #none = emptyNotice();
  #noMatch = element('p', { class: 'notice', role: 'status' });
  #rest = element('p', { class: 'muted' });

  node = element(
    'section',
    { class: 'loads-page' },
    element('div', { class: 'page-head' }, this.#heading, this.#toolbar.node),
    this.#table.node,
    this.#none,
    this.#noMatch,
    this.#rest,
  );

  constructor() {
    for (const part of [this.#table.node, this.#none, this.#noMatch, this.#toolbar.node]) part.hidden = true;
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
    (this.#table.linkOf(bucket) ?? this.#heading).focus({ preventScroll: true });
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
    this.#table.show(sorted(shown, order), order, this.#now);
    this.#toolbar.choose({ filter, text, order });
    this.#toolbar.count(this.#loads);
    setHidden(this.#toolbar.node, this.#loads.length === 0);
    setHidden(this.#table.node, shown.length === 0);
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
