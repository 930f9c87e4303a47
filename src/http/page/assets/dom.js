// @ts-check

/**
 * The element with this id; the page has it.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}`);
  return found;
}

/**
 * A new element with these attributes and children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, string>>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Changes a node's text only where it differs, so that selections and screen readers are left in peace.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Hides or shows an element; the focus, when it was inside, goes to `heir`.
 * @param {HTMLElement} node
 * @param {boolean} hidden
 * @param {HTMLElement} [heir]
 */
export function setHidden(node, hidden, heir) {
  if (node.hidden === hidden) return;
  const focused = hidden && node.contains(document.activeElement);
  node.hidden = hidden;
  if (focused) heir?.focus();
}

/**
 * Shows how much of a whole is done.
 * @param {HTMLProgressElement} bar
 * @param {number} done
 * @param {number} total
 */
export function setProgress(bar, done, total) {
  bar.max = Math.max(total, 1);
  bar.value = Math.min(done, bar.max);
}

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
   * @param {() => Row<Item>} create
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
      const row = this.#rows.get(key) ?? this.#create();
      this.#rows.set(key, row);
      row.update(item);
      const there = this.#list.children[place];
      if (there !== row.node) this.#list.insertBefore(row.node, there ?? null);
    });
  }
}
