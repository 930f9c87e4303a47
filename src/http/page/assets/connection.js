// @ts-check

/** @typedef {import('../load-view.ts').UpdateEvent} UpdateEvent */

/**
 * @typedef {object} ConnectionState
 * @property {'connecting' | 'live' | 'stale' | 'disconnected'} name stale: the server cannot read its database
 * @property {number} since time of the latest figures, in ms since 1970
 * @property {string} trouble the server's word on why figures are stale
 */

/** The server sends about once a second; silence for this long, in ms, means that it is gone. */
const SILENCE_MS = 10_000;

/** Wait before connecting again where the browser does not do it by itself, in ms. */
const RECONNECT_MS = 3_000;

/**
 * Listens to the server's events for as long as the page is open, and connects again whenever it is cut off.
 * @param {{ onUpdate: (update: UpdateEvent) => void, onState: (state: ConnectionState) => void }} listener
 */
export function connect({ onUpdate, onState }) {
  let since = Date.now();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;

  const open = () => {
    const source = new EventSource('events');
    const again = () => {
      clearTimeout(silence);
      source.close();
      silence = setTimeout(open, RECONNECT_MS);
    };
    const expectMore = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        onState({ name: 'disconnected', since, trouble: '' });
        again();
      }, SILENCE_MS);
    };
    source.addEventListener('update', (event) => {
      /** @type {UpdateEvent} */
      const update = JSON.parse(event.data);
      since = update.at;
      expectMore();
      onUpdate(update);
      onState({ name: update.trouble === undefined ? 'live' : 'stale', since, trouble: update.trouble ?? '' });
    });
    source.addEventListener('error', () => {
      onState({ name: 'disconnected', since, trouble: '' });
      // The browser tries again by itself after a cut, but not after an answer that is no stream (401, 502 of a proxy).
      if (source.readyState === EventSource.CLOSED) again();
    });
    expectMore();
  };
  onState({ name: 'connecting', since, trouble: '' });
  open();
}
