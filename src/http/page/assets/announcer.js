// @ts-check
import { byId } from './dom.js';

/** How long news are gathered before they are read out together, in ms. */
const GATHER_MS = 300;

/** Announces changes that matter to screen readers; politely, and never the running figures. */
class Announcer {
  /** @type {string[]} */
  #waiting = [];

  /** @param {string} text */
  say(text) {
    this.#waiting.push(text);
    if (this.#waiting.length > 1) return;
    setTimeout(() => {
      byId('announcer').textContent = this.#waiting.splice(0).join(' ');
    }, GATHER_MS);
  }
}

const announcer = new Announcer();

/** @param {string} text a sentence */
export function announce(text) {
  announcer.say(text);
}
