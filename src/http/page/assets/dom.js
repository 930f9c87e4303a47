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
 * A button that does this.
 * @param {string} text
 * @param {string} className
 * @param {() => unknown} onClick
 */
export function button(text, className, onClick) {
  const made = element('button', { type: 'button', class: className }, text);
  made.addEventListener('click', onClick);
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
 * Sets an attribute only where it differs.
 * @param {Element} node
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
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
 * Text in which `code` stands in backticks, as nodes.
 * @param {string} text
 * @returns {Node[]}
 */
export function markCode(text) {
  return text.split('`').map((part, place) => (place % 2 === 1 ? element('code', {}, part) : new Text(part)));
}
