import type { FastifyBaseLogger as Logger } from 'fastify';
import { toErrorBody } from '../../errors/error-body.ts';
import { toClientError } from '../../errors/to-client-error.ts';
import type { CalledBucket } from '../../store/bucket-load/bucket-load.ts';
import { type LoadSource, MOST_LOADS, readLoad, summaryOf, type UpdateEvent } from './load-view.ts';
import { READ_MS, WatchedLoad } from './watched-load.ts';

/** Where many large loads are read for the first time, watchers hear of those that are read already this often, in ms. */
const TELL_MS = 300;

/** Somebody who watches the loads. */
export interface Watcher {
  /** The load that is watched in full. */
  open?: string | undefined;
  /** Called at each reading since there may be changes. */
  onRead(): void;
}

/** What a watcher has received: the version of each row, and that of the load it has open. Brought up to date by the feed. */
export interface Told {
  rows: Map<string, number>;
  open?: number;
}

/**
 * The state of all loads as read from the database: about once a second for all watchers together, and not at all while
 * there are none.
 */
export class LoadFeed {
  readonly #loader: LoadSource;
  readonly #log: Logger;
  readonly #watchers = new Set<Watcher>();
  readonly #known = new Map<string, WatchedLoad>();
  #all: readonly string[] = [];
  #readAt: number | undefined;
  #failure: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading = false;
  #closed = false;

  constructor(loader: LoadSource, log: Logger) {
    this.#loader = loader;
    this.#log = log;
  }

  /** Calls the watcher after each reading, until the function that is returned is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    const isKnown = watcher.open === undefined || this.#known.has(watcher.open);
    // What others watch is fresh; what nobody watched has to be read first.
    if (this.#watchers.size > 1 && this.#readAt !== undefined && isKnown) watcher.onRead();
    else this.#wake();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) clearTimeout(this.#timer);
    };
  }

  /** Reads no more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#watchers.clear();
  }

  /** The changes that a watcher has not received yet. */
  updateFor({ open: bucket }: Pick<Watcher, 'open'>, told: Told): UpdateEvent {
    const listed = this.#all.slice(0, MOST_LOADS);
    const loads = listed.flatMap((name) => {
      const load = this.#known.get(name);
      if (load === undefined || load.version === told.rows.get(name)) return [];
      told.rows.set(name, load.version);
      return summaryOf(load.view);
    });
    const open = bucket === undefined ? undefined : this.#known.get(bucket);
    const isNew = open !== undefined && open.version !== told.open;
    if (open !== undefined) told.open = open.version;
    return {
      at: this.#readAt ?? Date.now(),
      buckets: listed,
      more: this.#all.length - listed.length,
      loads,
      ...(bucket !== undefined && this.#readAt !== undefined && !this.#all.includes(bucket) ? { unknown: true } : {}),
      ...(isNew ? { open: open.view } : {}),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    };
  }

  #wake(): void {
    if (this.#reading || this.#closed) return;
    clearTimeout(this.#timer);
    this.#reading = true;
    void this.#read().finally(() => {
      this.#reading = false;
      if (this.#watchers.size > 0 && !this.#closed) this.#timer = setTimeout(() => this.#wake(), READ_MS);
      for (const watcher of this.#watchers) watcher.onRead();
    });
  }

  async #read(): Promise<void> {
    try {
      const all = await this.#loader.buckets();
      const open = new Set([...this.#watchers].map((watcher) => watcher.open));
      const wanted = all.filter(({ bucket }, place) => place < MOST_LOADS || open.has(bucket));
      this.#all = all.map(({ bucket }) => bucket);
      let toldAt = performance.now();
      for (const called of wanted.toSorted((a, b) => Number(open.has(b.bucket)) - Number(open.has(a.bucket)))) {
        await this.#readLoad(called, open.has(called.bucket));
        if (performance.now() - toldAt < TELL_MS) continue;
        toldAt = performance.now();
        for (const watcher of this.#watchers) watcher.onRead();
      }
      const buckets = new Set(wanted.map(({ bucket }) => bucket));
      for (const bucket of this.#known.keys()) if (!buckets.has(bucket)) this.#known.delete(bucket);
      this.#readAt = Date.now();
      this.#failure = undefined;
    } catch (error) {
      const known = toClientError(error);
      if (known === undefined) this.#log.error({ err: error }, 'the loads could not be read for the page');
      this.#failure = toErrorBody(known).body.message;
    }
  }

  async #readLoad(called: CalledBucket, isOpen: boolean): Promise<void> {
    const load = this.#known.get(called.bucket);
    if (load?.isFresh(isOpen) === true) return;
    const begun = performance.now();
    const view = await readLoad(this.#loader, called);
    const tookMs = performance.now() - begun;
    if (load === undefined) this.#known.set(called.bucket, new WatchedLoad(view, tookMs));
    else load.update(view, tookMs);
  }
}
