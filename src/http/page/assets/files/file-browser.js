// @ts-check
import { element, setText } from '../dom.js';
import { formatBytes, formatCount } from '../format.js';
import { formatExactSpan } from '../format-time.js';
import { KeyedList } from '../keyed-list.js';
import { PagedFiles } from './paged-files.js';

/** @typedef {import('../../load-view.ts').LoadView} LoadView */
/** @typedef {import('../server.js').StoredFile} StoredFile */

/** @type {readonly [string, string][]} */
const STATUSES = [
  ['', 'All'],
  ['pending', 'Waiting'],
  ['in-progress', 'In progress'],
  ['done', 'Loaded'],
  ['error', 'Failed'],
];

/** @type {readonly [string, string][]} */
const ORDERS = [
  ['file', 'By name'],
  ['-size', 'Largest first'],
  ['-end', 'Latest first'],
  ['start', 'Earliest first'],
  ['-loaded', 'Most resources first'],
];

/** How long after the last letter a search begins, in ms. */
const TYPING_MS = 300;

const COLUMNS = ['File', 'Status', 'Size', 'Resources', 'Took'];

/** All files of a load, by status and type, page by page. */
export class FileBrowser {
  #bucket;
  #find = element('input', { type: 'search', placeholder: 'Find a file', 'aria-label': 'Find a file' });
  #status = select('Status', STATUSES);
  #type = select('Type', [['', 'All types']]);
  #order = select('Order', ORDERS);
  #body = element('tbody');
  /** @type {KeyedList<StoredFile>} */
  #rows = new KeyedList(this.#body, ({ id }) => id, fileRow);
  #none = element('p', { class: 'muted' });
  #pages;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  #watched = false;
  #seen = '';

  node;

  /** @param {string} bucket */
  constructor(bucket) {
    this.#bucket = bucket;
    this.#pages = new PagedFiles('the files', (files) => {
      this.#rows.show(files);
      setText(this.#none, files.length === 0 ? 'No file is like this.' : '');
    });
    for (const each of [this.#status, this.#type, this.#order]) each.addEventListener('change', () => this.#ask());
    this.#find.addEventListener('input', () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#ask(), TYPING_MS);
    });
    const head = COLUMNS.map((name, column) =>
      element('th', { scope: 'col', class: column < 2 ? '' : 'number' }, name),
    );
    const table = element(
      'table',
      { class: 'all-files' },
      element('thead', {}, element('tr', {}, ...head)),
      this.#body,
    );
    const label = `Files of ${bucket}`;
    this.node = element(
      'div',
      {},
      element('div', { class: 'toolbar' }, this.#find, this.#status, this.#type, this.#order),
      element('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': label }, table),
      this.#none,
      this.#pages.foot,
    );
  }

  /** @param {boolean} watched whether the reader sees the list */
  watch(watched) {
    if (watched && !this.#watched) void this.#ask();
    this.#watched = watched;
  }

  /** @param {LoadView} load */
  show({ progress, types }) {
    const names = ['', ...types.map(({ type }) => type).filter((type) => type !== '')];
    if (names.length !== this.#type.length) {
      const chosen = this.#type.value;
      this.#type.replaceChildren(
        ...names.map((value) => element('option', { value }, value === '' ? 'All types' : value)),
      );
      this.#type.value = names.includes(chosen) ? chosen : '';
    }
    const now = JSON.stringify(progress);
    if (this.#watched && now !== this.#seen) this.#pages.refresh();
    this.#seen = now;
  }

  #ask() {
    // What is typed is asked for by now; asking again would lead back to the first page.
    clearTimeout(this.#typing);
    const [status, type] = [this.#status.value, this.#type.value];
    const text = this.#find.value.trim();
    const filters = {
      bucket: this.#bucket,
      ...(status === '' ? {} : { status }),
      ...(type === '' ? {} : { type }),
      ...(text === '' ? {} : { 'file:contains': text }),
    };
    return this.#pages.ask({ filters, sort: this.#order.value });
  }
}

function fileRow() {
  const name = element('span', { class: 'file-name' });
  const message = element('span', { class: 'message' });
  const status = element('td', { class: 'status' });
  const cells = [0, 1, 2].map(() => element('td', { class: 'number' }));
  return {
    node: element('tr', {}, element('th', { scope: 'row' }, name, message), status, ...cells),
    /** @param {StoredFile} stored */
    update({ file = '', status: state = 'pending', size = 0, loaded, start = '', end = '', message: text = '' }) {
      setText(name, file);
      name.title = file;
      setText(message, text);
      setText(status, STATUSES.find(([value]) => value === state)?.[1] ?? state);
      status.dataset['status'] = state;
      const seconds = (Date.parse(end) - Date.parse(start)) / 1000;
      const took = Number.isNaN(seconds) || seconds < 0 ? '' : formatExactSpan(seconds);
      const texts = [formatBytes(size), loaded === undefined ? '' : formatCount(loaded), took];
      for (const [column, cell] of cells.entries()) setText(cell, texts[column] ?? '');
    },
  };
}

/** @param {string} label @param {readonly [string, string][]} options */
function select(label, options) {
  const made = element('select', { 'aria-label': label });
  made.append(...options.map(([value, text]) => element('option', { value }, text)));
  return made;
}
