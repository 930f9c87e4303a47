// @ts-check
import { announce } from './announcer.js';
import { connect } from './connection.js';
import { byId, setHidden, setText } from './dom.js';
import { formatTime } from './format.js';
import { LoadCard } from './load-card.js';

/** @typedef {import('../load-view.ts').UpdateEvent} UpdateEvent */

/** The whole page: one card for each load, brought up to date by every event. */
class Page {
  /** @type {Map<string, LoadCard>} */
  #cards = new Map();
  #current = byId('current');
  #finished = byId('finished');

  /** @param {UpdateEvent} update */
  show({ at, buckets, loads }) {
    for (const load of loads) {
      const card = this.#cards.get(load.bucket) ?? new LoadCard(load.bucket);
      const known = this.#cards.has(load.bucket);
      this.#cards.set(load.bucket, card);
      const news = card.update(load);
      for (const text of known ? news : []) announce(text);
    }
    for (const [bucket, card] of this.#cards) {
      if (buckets.includes(bucket)) card.tick(at);
      else this.#remove(bucket, card);
    }
    this.#arrange(buckets);
  }

  /**
   * A load that ends while somebody looks stays where it is; it stands among the finished ones from the next visit.
   * @param {readonly string[]} buckets
   */
  #arrange(buckets) {
    const places = new Map([
      [this.#current, 0],
      [this.#finished, 0],
    ]);
    for (const bucket of buckets) {
      const card = this.#cards.get(bucket);
      if (card === undefined) continue;
      const stays = card.node.parentElement === this.#current || card.needsAttention;
      const list = stays ? this.#current : this.#finished;
      const place = places.get(list) ?? 0;
      if (list.children[place] !== card.node) list.insertBefore(card.node, list.children[place] ?? null);
      places.set(list, place + 1);
    }
    setHidden(byId('no-loads'), this.#current.childElementCount > 0);
    setHidden(byId('finished-section'), this.#finished.childElementCount === 0);
  }

  /** @param {string} bucket @param {LoadCard} card */
  #remove(bucket, card) {
    card.node.remove();
    this.#cards.delete(bucket);
  }
}

const page = new Page();

connect({
  onUpdate: (update) => page.show(update),
  onState({ name, since, trouble }) {
    const texts = {
      connecting: 'Connecting …',
      live: 'Live',
      stale: `Figures are of ${formatTime(since)}. ${trouble}`,
      disconnected: `Disconnected. Figures are of ${formatTime(since)}; trying again …`,
    };
    const pill = byId('connection');
    if (pill.dataset['state'] === name) return;
    if (name !== 'connecting' && pill.dataset['state'] !== 'connecting') {
      announce(name === 'live' ? 'Connected again.' : texts[name]);
    }
    pill.dataset['state'] = name;
    setText(byId('connection-text'), texts[name]);
  },
});
