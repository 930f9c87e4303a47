import type { LoadView } from './load-view.ts';

/** How often the database is read while somebody watches, in ms. */
export const READ_MS = 1_000;

/** Loads that nobody works on, and nobody has open, are read less often, in ms: they change by a call or a retry only. */
const IDLE_READ_MS = 5_000;

/**
 * A load of 60,000 files takes 300 to 700 ms to read. It is read so seldom that reading it takes at most this share
 * of the time.
 */
const MOST_SHARE = 0.2;
const MOST_IDLE_SHARE = 0.05;

/** One load as it was last read. */
export class WatchedLoad {
  #view: LoadView;
  #version = 0;
  #readAt = 0;
  #tookMs = 0;

  constructor(view: LoadView, tookMs: number) {
    this.#view = view;
    this.update(view, tookMs);
  }

  get view(): LoadView {
    return this.#view;
  }

  /** Grows with each change. */
  get version(): number {
    return this.#version;
  }

  /** Whether it need not be read again yet. */
  isFresh(isOpen: boolean): boolean {
    const isLive = isOpen || this.#view.state === 'in-progress';
    const pauseMs = isLive
      ? Math.max(READ_MS / 2, this.#tookMs / MOST_SHARE)
      : Math.max(IDLE_READ_MS, this.#tookMs / MOST_IDLE_SHARE);
    return Date.now() - this.#readAt < pauseMs;
  }

  /** @param tookMs how long it took to read */
  update(view: LoadView, tookMs: number): void {
    if (JSON.stringify(this.#view) !== JSON.stringify(view)) this.#version++;
    this.#view = view;
    this.#readAt = Date.now();
    this.#tookMs = tookMs;
  }
}
