// @ts-check
import { element, KeyedList, setText } from './dom.js';
import { formatBytes, formatCount } from './format.js';

/** @typedef {import('../load-view.ts').LoadView['types'][number]} TypeReport */

const COLUMNS = ['Type', 'Files', 'Done', 'Failed', 'Size', 'Resources'];

/** Figures for each resource type. */
export class TypeTable {
  #body = element('tbody');
  /** @type {KeyedList<TypeReport>} */
  #rows = new KeyedList(this.#body, ({ type }) => type, typeRow);

  /** @param {string} bucket */
  constructor(bucket) {
    const head = element('tr', {}, ...COLUMNS.map((name) => element('th', { scope: 'col' }, name)));
    const table = element('table', {}, element('thead', {}, head), this.#body);
    // Focusable, so that it can be scrolled by keyboard where it is wider than the screen.
    const label = `Resource types of ${bucket}`;
    this.node = element('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': label }, table);
  }

  /** @param {readonly TypeReport[]} types */
  show(types) {
    this.#rows.show(types);
  }
}

function typeRow() {
  const head = element('th', { scope: 'row' });
  const cells = COLUMNS.slice(1).map(() => element('td'));
  return {
    node: element('tr', {}, head, ...cells),
    /** @param {TypeReport} report */
    update({ type, files, done, error, bytes, resources }) {
      setText(head, type === '' ? 'unknown' : type);
      const texts = [files, done, error].map(formatCount).concat(formatBytes(bytes), formatCount(resources));
      cells.forEach((cell, column) => {
        setText(cell, texts[column] ?? '');
      });
      cells[2]?.classList.toggle('bad', error > 0);
    },
  };
}
