// @ts-check
import { announce } from './announcer.js';
import { Connection } from './connection.js';
import { byId, setText } from './dom.js';
import { formatTime } from './format-time.js';
import { LoadPage } from './load/load-page.js';
import { newsOf } from './load-words.js';
import { LoadsPage } from './loads/loads-page.js';
import { addressOfList, routeOf } from './router.js';
import { showInTab } from './tab.js';

/** @typedef {import('../load-view.ts').UpdateEvent} UpdateEvent */
/** @typedef {import('../load-view.ts').LoadSummary} LoadSummary */
/** @typedef {import('./connection.js').ConnectionState} ConnectionState */

/** The whole page: the list of loads, or the one load that the address names. */
class Page {
  /** @type {Map<string, LoadSummary>} */
  #loads = new Map();
  /** @type {LoadSummary[]} */
  #listed = [];
  #list = new LoadsPage();
  /** @type {LoadPage | undefined} */
  #load;
  #main = byId('main');
  #connection = new Connection({
    onUpdate: (update) => this.#update(update),
    onState: (state) => showConnection(state),
  });

  /** Shows what the address names. @param {boolean} moved whether the reader came from another view */
  go(moved) {
    const route = routeOf(location.hash);
    const before = this.#load?.bucket;
    if (route.view === 'loads') {
      this.#load = undefined;
      this.#list.go(route.params);
      this.#main.replaceChildren(this.#list.node);
      if (moved) this.#list.focus(before);
      scrollTo(0, this.#list.scrolled);
    } else if (route.bucket !== before) {
      if (before === undefined) this.#list.scrolled = scrollY;
      this.#load = new LoadPage(route.bucket, addressOfList(this.#list.params));
      this.#main.replaceChildren(this.#load.node);
      if (moved) this.#load.focus();
      scrollTo(0, 0);
    }
    this.#connection.open(this.#load?.bucket);
    showInTab(this.#listed, this.#load?.bucket);
  }

  /** @param {UpdateEvent} update */
  #update({ at, buckets, more, loads, open, unknown }) {
    for (const load of loads) {
      const before = this.#loads.get(load.bucket);
      if (before !== undefined) for (const text of newsOf(before, load)) announce(text);
      this.#loads.set(load.bucket, load);
    }
    this.#listed = buckets.flatMap((bucket) => this.#loads.get(bucket) ?? []);
    for (const bucket of this.#loads.keys()) if (!buckets.includes(bucket)) this.#loads.delete(bucket);
    this.#list.show({ loads: this.#listed, total: buckets.length + more, more }, at);
    if (open !== undefined && open.bucket === this.#load?.bucket) this.#load.update(open);
    if (unknown === true) this.#load?.miss();
    this.#load?.tick(at);
    showInTab(this.#listed, this.#load?.bucket);
  }
}

/** @param {ConnectionState} state */
function showConnection({ name, since, failure }) {
  const texts = {
    connecting: 'Connecting …',
    live: 'Live',
    stale: `Figures are of ${formatTime(since)}. ${failure}`,
    disconnected: `Disconnected. Figures are of ${formatTime(since)}; trying again …`,
  };
  const pill = byId('connection');
  if (pill.dataset['state'] === name) return;
  if (name !== 'connecting' && pill.dataset['state'] !== 'connecting') {
    announce(name === 'live' ? 'Connected again.' : texts[name]);
  }
  pill.dataset['state'] = name;
  setText(byId('connection-text'), texts[name]);
}

const page = new Page();
page.go(false);
addEventListener('hashchange', () => page.go(true));
byId('skip').addEventListener('click', (event) => {
  // The address stays that of the view.
  event.preventDefault();
  byId('main').focus();
});
