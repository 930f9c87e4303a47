// @ts-check

/**
 * @template Item
 * @typedef {{ node: HTMLElement, update: (item: Item) => void }} Row
 */

/**
 * A list whose rows are kept for as long as their items are there, so that nothing flickers or loses the focus.
 * @template Item
 */
export class KeyedList {
  /** @type {Map<string, Row<Item>>} */
  #rows = new Map();
  #list;
  #keyOf;
  #create;

  /**
   * @param {HTMLElement} list
   * @param {(item: Item) => string} keyOf
   * @param {(item: Item) => Row<Item>} create
   */
  constructor(list, keyOf, create) {
    this.#list = list;
    this.#keyOf = keyOf;
    this.#create = create;
  }

  /** @param {readonly Item[]} items */
  show(items) {
    const keys = new Set(items.map(this.#keyOf));
    for (const [key, { node }] of this.#rows) {
      if (keys.has(key)) continue;
      node.remove();
      this.#rows.delete(key);
    }
    items.forEach((item, place) => {
      const key = this.#keyOf(item);
      const row = this.#rows.get(key) ?? this.#create(item);
      this.#rows.set(key, row);
      row.update(item);
      const there = this.#list.children[place];
      if (there === row.node) return;
      // A row that is moved would lose the focus.
      const focused = row.node.contains(document.activeElement) ? document.activeElement : null;
      this.#list.insertBefore(row.node, there ?? null);
      if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
    });
  }
}
