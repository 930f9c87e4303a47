// @ts-check
import { element, setText } from '../dom.js';
import { formatBytes, formatCount } from '../format.js';
import { KeyedList } from '../keyed-list.js';
import { SplitBar } from '../split-bar.js';

/** @typedef {import('../../load-view.ts').LoadView['types'][number]} TypeReport */

/** Each column's name, and the class of its cells. */
const COLUMNS = /** @type {const} */ ([
  ['Type', 'type'],
  ['Files loaded', 'bar-cell'],
  ['Files', 'number'],
  ['Failed', 'number failed'],
  ['Size', 'number'],
  ['Resources', 'number'],
]);

/** How far each resource type is: a bar and the figures. */
export class TypeBars {
  #body = element('tbody');
  /** @type {KeyedList<TypeReport>} */
  #rows = new KeyedList(this.#body, ({ type }) => type, typeRow);

  node;

  /** @param {string} bucket */
  constructor(bucket) {
    const head = COLUMNS.map(([name, kind]) => element('th', { scope: 'col', class: kind }, name));
    const table = element('table', { class: 'types' }, element('thead', {}, element('tr', {}, ...head)), this.#body);
    // Focusable, so that it can be scrolled by keyboard where it is wider than the screen.
    const label = `Resource types of ${bucket}`;
    this.node = element('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': label }, table);
  }

  /** @param {readonly TypeReport[]} types */
  show(types) {
    this.node.classList.toggle(
      'none-failed',
      types.every(({ error }) => error === 0),
    );
    this.#rows.show(types.toSorted((a, b) => b.bytes - a.bytes));
  }
}

function typeRow() {
  const bar = new SplitBar();
  const head = element('th', { scope: 'row', class: 'type' });
  const cells = COLUMNS.slice(2).map(([, kind]) => element('td', { class: kind }));
  const row = element('tr', {}, head, element('td', { class: 'bar-cell' }, bar.node), ...cells);
  return {
    node: row,
    /** @param {TypeReport} report */
    update({ type, files, done, error, bytes, resources }) {
      const name = type === '' ? 'unknown' : type;
      setText(head, name);
      if (done + error === files) row.dataset['state'] = 'completed';
      else delete row.dataset['state'];
      const failed = error > 0 ? `, ${formatCount(error)} failed` : '';
      const amount = `${formatCount(done)} of ${formatCount(files)}`;
      bar.show({ total: files, loaded: done, failed: error }, `Files of type ${name}`, `${amount} loaded${failed}`);
      const texts = [amount, error > 0 ? formatCount(error) : '', formatBytes(bytes), formatCount(resources)];
      for (const [column, cell] of cells.entries()) setText(cell, texts[column] ?? '');
      cells[1]?.classList.toggle('bad', error > 0);
    },
  };
}
