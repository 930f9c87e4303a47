import type { FastifyBaseLogger as Logger } from 'fastify';
import { toErrorBody } from '../../errors/error-body.ts';
import { toClientError } from '../../errors/to-client-error.ts';
import { type LoadSource, type LoadView, MOST_LOADS, readLoad, type UpdateEvent } from './load-view.ts';
import { RateHistory } from './rate-history.ts';

/** How often the database is read while somebody watches, in ms. */
const READ_MS = 1_000;

/** Loads that nobody works on are read less often, in ms: they change by a call or a retry only. */
const IDLE_READ_MS = 5_000;

interface KnownLoad {
  view: LoadView;
  /** Grows with each change. */
  version: number;
  readAt: number;
  history: RateHistory;
}

/** A watcher, called at each reading since there may be changes. */
export type Watcher = () => void;

/**
 * The state of all loads as read from the database: once a second for all watchers together, and not at all while
 * there are none.
 */
export class LoadFeed {
  readonly #loader: LoadSource;
  readonly #log: Logger;
  readonly #watchers = new Set<Watcher>();
  readonly #known = new Map<string, KnownLoad>();
  #buckets: string[] = [];
  #readAt: number | undefined;
  #trouble: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading = false;
  #closed = false;

  constructor(loader: LoadSource, log: Logger) {
    this.#loader = loader;
    this.#log = log;
  }

  /** Calls `watcher` after each reading, until the function that is returned is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    // What others watch is fresh; what nobody watched has to be read first.
    if (this.#watchers.size === 1) this.#wake();
    else if (this.#readAt !== undefined) watcher();
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

  /**
   * The changes that a watcher has not received yet.
   * @param told versions by bucket, kept by the watcher and brought up to date here
   */
  updateFor(told: Map<string, number>): UpdateEvent {
    const loads = this.#buckets.flatMap((bucket) => {
      const load = this.#known.get(bucket);
      const before = told.get(bucket);
      if (load === undefined || load.version === before) return [];
      told.set(bucket, load.version);
      return before === undefined ? { ...load.view, history: load.history.samples() } : load.view;
    });
    return {
      at: this.#readAt ?? Date.now(),
      buckets: this.#buckets,
      loads,
      ...(this.#trouble === undefined ? {} : { trouble: this.#trouble }),
    };
  }

  #wake(): void {
    if (this.#reading || this.#closed) return;
    clearTimeout(this.#timer);
    this.#reading = true;
    void this.#read().finally(() => {
      this.#reading = false;
      if (this.#watchers.size > 0 && !this.#closed) this.#timer = setTimeout(() => this.#wake(), READ_MS);
      for (const watcher of this.#watchers) watcher();
    });
  }

  async #read(): Promise<void> {
    try {
      const buckets = (await this.#loader.buckets()).slice(0, MOST_LOADS);
      for (const bucket of buckets) await this.#readLoad(bucket);
      for (const bucket of this.#known.keys()) if (!buckets.includes(bucket)) this.#known.delete(bucket);
      this.#buckets = buckets;
      this.#readAt = Date.now();
      this.#trouble = undefined;
    } catch (error) {
      const known = toClientError(error);
      if (known === undefined) this.#log.error({ err: error }, 'the loads could not be read for the page');
      this.#trouble = toErrorBody(known).body.message;
    }
  }

  async #readLoad(bucket: string): Promise<void> {
    const before = this.#known.get(bucket);
    const now = Date.now();
    const idle = before !== undefined && before.view.state !== 'in-progress';
    if (idle && now - before.readAt < IDLE_READ_MS) return;
    const view = await readLoad(this.#loader, bucket);
    const same = before !== undefined && JSON.stringify(before.view) === JSON.stringify(view);
    const history = before?.history ?? new RateHistory();
    if (view.state === 'in-progress') history.add(now, view);
    this.#known.set(bucket, { view, version: (before?.version ?? 0) + (same ? 0 : 1), readAt: now, history });
  }
}
