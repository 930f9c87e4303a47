// @ts-check
import { element, setText } from '../dom.js';
import { formatCount } from '../format.js';
import { KeyedList } from '../keyed-list.js';

/** @typedef {NonNullable<import('../../load-view.ts').LoadView['references']>} References */
/** @typedef {{ type: string, unresolved: number, ambiguous: number }} OpenReferences */

/** What became of references that named no id, by the type that they name. */
export class ReferenceCounts {
  #body = element('tbody');
  /** @type {KeyedList<OpenReferences>} */
  #rows = new KeyedList(this.#body, ({ type }) => type, referenceRow);

  node = element(
    'table',
    {},
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        element('th', { scope: 'col' }, 'Type'),
        element('th', { scope: 'col', class: 'number' }, 'Unresolved'),
        element('th', { scope: 'col', class: 'number' }, 'Ambiguous'),
      ),
    ),
    this.#body,
  );

  /** @param {References} references */
  show({ unresolved, ambiguous }) {
    const types = [...new Set([...Object.keys(unresolved), ...Object.keys(ambiguous)])];
    const open = types.map((type) => ({ type, unresolved: unresolved[type] ?? 0, ambiguous: ambiguous[type] ?? 0 }));
    this.#rows.show(open.toSorted((a, b) => b.unresolved + b.ambiguous - a.unresolved - a.ambiguous));
    this.node.hidden = open.length === 0;
  }
}

/** How many references are open. @param {References} references */
export function openOf({ unresolved, ambiguous }) {
  return [...Object.values(unresolved), ...Object.values(ambiguous)].reduce((sum, count) => sum + count, 0);
}

function referenceRow() {
  const head = element('th', { scope: 'row' });
  const cells = [0, 1].map(() => element('td', { class: 'number' }));
  return {
    node: element('tr', {}, head, ...cells),
    /** @param {OpenReferences} open */
    update({ type, unresolved, ambiguous }) {
      setText(head, type);
      const texts = [unresolved, ambiguous].map((count) => (count === 0 ? '' : formatCount(count)));
      for (const [column, cell] of cells.entries()) setText(cell, texts[column] ?? '');
    },
  };
}
