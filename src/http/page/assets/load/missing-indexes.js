// @ts-check
import { element, setText } from '../dom.js';
import { KeyedList } from '../keyed-list.js';

/** @typedef {import('../../load-view.ts').LoadView['indexes'][number]} MissingIndex */

/** The indexes that were dropped and are not back yet. */
export class MissingIndexes {
  node = element('ul', { class: 'rows' });
  /** @type {KeyedList<MissingIndex>} */
  #rows = new KeyedList(this.node, ({ table, index }) => `${table} ${index}`, indexRow);

  /** @param {readonly MissingIndex[]} indexes */
  show(indexes) {
    this.#rows.show(indexes);
  }
}

function indexRow() {
  const name = element('span', { class: 'file-name' });
  const table = element('span', { class: 'muted' });
  const message = element('p', { class: 'message' });
  return {
    node: element('li', {}, name, ' ', table, message),
    /** @param {MissingIndex} missing */
    update({ table: of, index, message: text = '' }) {
      setText(name, index);
      setText(table, `on ${of}`);
      setText(message, text);
    },
  };
}
