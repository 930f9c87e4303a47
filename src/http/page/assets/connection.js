// @ts-check

/** @typedef {import('../load-view.ts').UpdateEvent} UpdateEvent */

/**
 * @typedef {object} ConnectionState
 * @property {'connecting' | 'live' | 'stale' | 'disconnected'} name stale: the server cannot read its database
 * @property {number} since time of the latest figures, in ms since 1970
 * @property {string} failure the server's word on why figures are stale
 */

/** The server sends about once a second; silence for this long, in ms, means that it is gone. */
const SILENCE_MS = 10_000;

/** Wait before connecting again where the browser does not do it by itself, in ms. */
const RECONNECT_MS = 3_000;

/** Listens to the server's events for as long as the page is open, and connects again whenever it is cut off. */
export class Connection {
  #listener;
  #since = Date.now();
  /** @type {string | undefined} */
  #bucket;
  /** @type {EventSource | undefined} */
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /** @param {{ onUpdate: (update: UpdateEvent) => void, onState: (state: ConnectionState) => void }} listener */
  constructor(listener) {
    this.#listener = listener;
    this.#tell('connecting');
  }

  /**
   * Begins to listen, or goes on with another load in full.
   * @param {string | undefined} bucket the load that is sent in full
   */
  open(bucket) {
    if (this.#source !== undefined && bucket === this.#bucket) return;
    this.#bucket = bucket;
    this.#connect();
  }

  #connect() {
    this.#source?.close();
    const query = this.#bucket === undefined ? '' : `?${new URLSearchParams({ open: this.#bucket })}`;
    const source = new EventSource(`events${query}`);
    this.#source = source;
    source.addEventListener('update', (event) => {
      if (source !== this.#source) return;
      /** @type {UpdateEvent} */
      const update = JSON.parse(event.data);
      this.#since = update.at;
      this.#expectMore();
      this.#listener.onUpdate(update);
      this.#tell(update.failure === undefined ? 'live' : 'stale', update.failure);
    });
    source.addEventListener('error', () => {
      if (source !== this.#source) return;
      this.#tell('disconnected');
      // The browser tries again by itself after a cut, but not after an answer that is not a stream (401, 502 of a proxy).
      if (source.readyState === EventSource.CLOSED) this.#again();
    });
    this.#expectMore();
  }

  #expectMore() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#tell('disconnected');
      this.#again();
    }, SILENCE_MS);
  }

  #again() {
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#silence = setTimeout(() => this.#connect(), RECONNECT_MS);
  }

  /** @param {ConnectionState['name']} name @param {string} [failure] */
  #tell(name, failure = '') {
    this.#listener.onState({ name, since: this.#since, failure });
  }
}
