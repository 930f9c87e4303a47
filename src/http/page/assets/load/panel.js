// @ts-check
import { element, setHidden, setText } from '../dom.js';

/** A part of the page about a load, with a heading; it can be folded and stays as the reader left it. */
export class Panel {
  #title = element('span', { class: 'panel-title' });
  #note = element('span', { class: 'panel-note' });
  #summary = element('summary', {}, element('h3', {}, this.#title), this.#note);

  /**
   * @param {string} name for styles
   * @param {readonly Node[]} content
   * @param {{ open: boolean }} options
   */
  constructor(name, content, { open }) {
    this.node = element(
      'details',
      { class: `panel ${name}` },
      this.#summary,
      element('div', { class: 'panel-body' }, ...content),
    );
    this.node.open = open;
    this.node.hidden = true;
  }

  get isOpen() {
    return this.node.open && !this.node.hidden;
  }

  /** @param {() => void} onToggle */
  onToggle(onToggle) {
    this.node.addEventListener('toggle', onToggle);
  }

  /** @param {string} title @param {boolean} needed @param {string} [note] */
  show(title, needed, note = '') {
    setText(this.#title, title);
    setText(this.#note, note);
    setHidden(this.node, !needed);
  }
}
