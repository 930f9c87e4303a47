// @ts-check
import { element, setText } from '../dom.js';
import { reasonOf } from '../server.js';

/** What came of the reader's last action, in the server's words. */
export class Outcome {
  node = element('p', { class: 'outcome', role: 'status' });

  /**
   * Carries out the action of a button, once at a time, and shows what came of it.
   * @param {HTMLButtonElement} pressed
   * @param {() => Promise<{ message: string }>} action
   */
  async act(pressed, action) {
    if (pressed.getAttribute('aria-disabled') === 'true') return;
    pressed.setAttribute('aria-disabled', 'true');
    try {
      const { message } = await action();
      this.show(message, true);
    } catch (error) {
      this.show(`Not done: ${reasonOf(error)}`, false);
    } finally {
      pressed.removeAttribute('aria-disabled');
    }
  }

  /** @param {string} text @param {boolean} good */
  show(text, good) {
    this.node.classList.toggle('bad', !good);
    setText(this.node, text);
  }
}
