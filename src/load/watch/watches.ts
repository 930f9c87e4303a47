import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import type pg from 'pg';
import {
  deleteWatch,
  listWatches,
  type NewWatch,
  recordListing,
  type StoredWatch,
  saveWatch,
} from '../../store/bucket-watch/bucket-watch.ts';
import type { DatabaseAddress } from '../../store/connection-options.ts';
import type { LoadRequest } from '../load-request.ts';
import { KeyCursor } from './key-cursor.ts';
import { LookLoop } from './look-loop.ts';
import { paceOf, waitAfterFailure, waitOnTakeover } from './pace.ts';
import { type CallWithCredentials, type WatchRoundOptions, watchRound } from './watch-round.ts';
import { WatchSession } from './watch-session.ts';

/** How often it looks which buckets are watched, and by whom, in ms; less often while none is. */
const LOOK_MS = 2_000;
const IDLE_LOOK_MS = 5_000;

/** Buckets that a replica lists at once, each in memory: after a restart all are due. */
const LISTINGS_AT_ONCE = 4;

export interface WatchesOptions extends WatchRoundOptions {
  address: DatabaseAddress;
  pool: pg.Pool;
  onListed: (bucket: string, outcome: 'listed' | 'failed') => void;
}

/** A bucket that this replica lists. */
interface HeldWatch {
  watch: string;
  everyMs: number;
  /** By `performance.now()`: clocks may be set. */
  dueAt: number;
  round: Promise<void> | undefined;
  end: AbortController;
}

/**
 * The standing loads: this replica lists those buckets whose watch lock it holds, each at its pace, and tries again and again to
 * take the locks of the others. Where a call brought credentials, only its process can list, and they are only in its memory.
 */
export class Watches {
  readonly #options: WatchesOptions;
  /** Names this process in `StoredWatch.process`. */
  readonly #process = randomUUID();
  /** Of this process's own watches, by their id. */
  readonly #calls = new Map<string, CallWithCredentials>();
  readonly #held = new Map<string, HeldWatch>();
  /** By the id of the watch. */
  readonly #cursors = new Map<string, KeyCursor>();
  /** Buckets that could not be listed here, and until when another replica may try, by `performance.now()`. */
  readonly #resting = new Map<string, number>();
  readonly #atOnce = pLimit(LISTINGS_AT_ONCE);
  readonly #loop: LookLoop;
  #session: WatchSession | undefined;
  #closed = false;

  constructor(options: WatchesOptions) {
    this.#options = options;
    this.#loop = new LookLoop({ look: () => this.#look(), retryMs: LOOK_MS, log: options.log });
  }

  /** Begins to look after the watched buckets. */
  start(): void {
    this.#loop.wake();
  }

  /**
   * Watches a bucket that was listed just now, in the place of its former watch.
   * @param watch.hasCredentials whether the request has credentials of its own, which only this process knows
   * @param watch.recorded what the record of a run says of the call's params
   */
  async add(
    request: LoadRequest,
    {
      hasCredentials,
      recorded,
      ...watch
    }: Omit<NewWatch, 'bucket' | 'watch' | 'process'> &
      Pick<CallWithCredentials, 'recorded'> & { hasCredentials: boolean },
  ): Promise<void> {
    const id = randomUUID();
    const { bucket } = request;
    if (hasCredentials) this.#calls.set(id, { request, recorded });
    try {
      await saveWatch(this.#options.pool, {
        ...watch,
        bucket,
        watch: id,
        process: hasCredentials ? this.#process : null,
      });
    } catch (error) {
      this.#calls.delete(id);
      throw error;
    }
    this.#loop.wake();
  }

  /** Ends a bucket's watch, on whatever replica it is: nothing that it still lists is queued. @returns whether it had one */
  async remove(bucket: string): Promise<boolean> {
    const existed = await deleteWatch(this.#options.pool, bucket);
    this.#loop.wake();
    return existed;
  }

  /** Whether only this process can list a watched bucket, and does. */
  isOwn({ process }: Pick<StoredWatch, 'process'>): boolean {
    return process === this.#process && !this.#closed;
  }

  /** Lists no more: what is being listed is given up, and does not count as failed. */
  stop(): void {
    this.#closed = true;
    this.#loop.stop();
    for (const { end } of this.#held.values()) end.abort(new Error('the server is shutting down'));
  }

  /** Leaves the watched buckets to other replicas. Resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.stop();
    await this.#loop.settled();
    await this.#letGo();
    await this.#session?.end();
  }

  /** @returns when to look again, in ms */
  async #look(): Promise<number> {
    const watches = await listWatches(this.#options.pool);
    const mine = watches.filter(({ process }) => process === null || process === this.#process);
    const byBucket = new Map(mine.map((watch) => [watch.bucket, watch]));
    for (const [bucket, held] of this.#held) {
      if (byBucket.get(bucket)?.watch !== held.watch) await this.#drop(bucket, held);
    }
    if (mine.length > 0) this.#session ??= await this.#open();
    for (const watch of mine) await this.#take(watch);
    for (const watch of mine) this.#beginIfDue(watch);
    const waits = [...this.#held.values()].filter(({ round }) => round === undefined).map(({ dueAt }) => dueAt);
    const nextMs = Math.max(0, Math.min(...waits) - performance.now());
    return Math.min(nextMs, watches.length > 0 ? LOOK_MS : IDLE_LOOK_MS);
  }

  async #open(): Promise<WatchSession> {
    const { address, pool } = this.#options;
    return await WatchSession.open(address, pool, () => {
      this.#session = undefined;
      // Another replica may hold the locks by now.
      void this.#letGo();
      this.#loop.wake();
    });
  }

  async #take({ bucket, watch, every, dueInMs }: StoredWatch): Promise<void> {
    const session = this.#session;
    const everyMs = paceOf(every);
    // A pace of another version of the loader is left to its replicas.
    if (this.#held.has(bucket) || this.#closed || session === undefined || everyMs === undefined) return;
    if (performance.now() < (this.#resting.get(bucket) ?? 0)) return;
    this.#resting.delete(bucket);
    if (!(await session.tryHold(bucket))) return;
    // Lost meanwhile: the lock is gone with it.
    if (this.#session !== session) return;
    this.#cursors.get(watch)?.expire();
    const dueAt = performance.now() + waitOnTakeover(dueInMs, everyMs);
    this.#held.set(bucket, { watch, everyMs, dueAt, round: undefined, end: new AbortController() });
  }

  /** It has ended, another one has taken its place, or another process is to list. */
  async #drop(bucket: string, held: HeldWatch): Promise<void> {
    this.#held.delete(bucket);
    this.#calls.delete(held.watch);
    this.#cursors.delete(held.watch);
    held.end.abort(new Error('the bucket is no longer watched, or by another call'));
    await held.round;
    await this.#session?.release(bucket);
  }

  async #letGo(): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    for (const { end } of all) end.abort(new Error('this replica no longer watches'));
    await Promise.all(all.map(({ round }) => round));
  }

  #beginIfDue(stored: StoredWatch): void {
    const held = this.#held.get(stored.bucket);
    if (held === undefined || held.round !== undefined || performance.now() < held.dueAt || this.#closed) return;
    held.round = this.#list(stored, held)
      .then(async (failed) => {
        held.round = undefined;
        if (failed && stored.process === null) await this.#leaveToOthers(stored.bucket, held);
      })
      .finally(() => this.#loop.wake());
  }

  /** Another replica may have what this one lacks: credentials, a way to the store, a folder. Without one this tries again. */
  async #leaveToOthers(bucket: string, held: HeldWatch): Promise<void> {
    if (this.#held.get(bucket) !== held) return;
    this.#held.delete(bucket);
    this.#resting.set(bucket, held.dueAt + LOOK_MS);
    // With the session the lock is gone as well.
    await this.#session?.release(bucket).catch(() => {});
  }

  /** One listing. Never throws. @returns whether it failed */
  async #list(stored: StoredWatch, held: HeldWatch): Promise<boolean> {
    const { pool, log, onListed } = this.#options;
    const { bucket, watch } = stored;
    const startedAt = performance.now();
    const { signal } = held.end;
    const mine = { own: this.#calls.get(watch), cursor: this.#cursorOf(watch), signal };
    const outcome = await this.#atOnce(() => watchRound(stored, mine, this.#options));
    if (outcome === undefined) return false;
    const hasFailed = outcome.failure !== undefined;
    onListed(bucket, hasFailed ? 'failed' : 'listed');
    const waitMs = hasFailed ? waitAfterFailure(stored.failures, held.everyMs) : held.everyMs;
    held.dueAt = Math.max(startedAt + waitMs, performance.now());
    const nextInMs = held.dueAt - performance.now();
    await recordListing(pool, stored, { nextInMs, ...outcome }).catch((error: unknown) => {
      log.warn({ bucket, err: error }, 'the listing of a watched bucket could not be noted');
    });
    return hasFailed;
  }

  #cursorOf(watch: string): KeyCursor {
    const cursor = this.#cursors.get(watch) ?? new KeyCursor();
    this.#cursors.set(watch, cursor);
    return cursor;
  }
}
