// @ts-check
import { element, setHidden, setText } from './dom.js';

/** A part of a card that can be folded; it stays as the reader left it. */
export class Section {
  #summary = element('summary');

  /**
   * @param {HTMLElement} content
   * @param {boolean} open
   */
  constructor(content, open) {
    this.node = element('details', { class: 'section' }, this.#summary, content);
    this.node.open = open;
  }

  /** @param {string} title @param {boolean} needed */
  show(title, needed) {
    setText(this.#summary, title);
    setHidden(this.node, !needed);
  }
}
