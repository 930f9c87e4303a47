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
import { type HeldWatch, HeldWatches } from './held-watches.ts';
import { KeyCursor } from './key-cursor.ts';
import { LookLoop } from './look-loop.ts';
import { MissingObjects } from './missing-objects.ts';
import { waitAfterFailure } from './pace.ts';
import { SETTLE_MS } from './settled-files.ts';
import { type CallWithCredentials, type OwnWatch, type WatchRoundOptions, watchRound } from './watch-round.ts';

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
  /** What earlier listings have left, by the id of the watch. */
  readonly #memories = new Map<string, Pick<OwnWatch, 'cursor' | 'missing'>>();
  readonly #held: HeldWatches;
  readonly #atOnce = pLimit(LISTINGS_AT_ONCE);
  readonly #loop: LookLoop;

  constructor(options: WatchesOptions) {
    this.#options = options;
    const { address, pool } = options;
    this.#held = new HeldWatches({ address, pool, onLost: () => this.#loop.wake() });
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
   * @returns the prefixes of the former one, none for all keys; undefined where there was none
   */
  async add(
    request: LoadRequest,
    {
      hasCredentials,
      recorded,
      ...watch
    }: Omit<NewWatch, 'bucket' | 'watch' | 'process'> &
      Pick<CallWithCredentials, 'recorded'> & { hasCredentials: boolean },
  ): Promise<readonly string[] | undefined> {
    const id = randomUUID();
    const { bucket } = request;
    if (hasCredentials) this.#calls.set(id, { request, recorded });
    try {
      return await saveWatch(this.#options.pool, {
        ...watch,
        bucket,
        watch: id,
        process: hasCredentials ? this.#process : null,
      });
    } catch (error) {
      this.#calls.delete(id);
      throw error;
    } finally {
      this.#loop.wake();
    }
  }

  /** Ends a bucket's watch, on whatever replica it is: nothing that it still lists is queued. @returns whether it had one */
  async remove(bucket: string): Promise<boolean> {
    const existed = await deleteWatch(this.#options.pool, bucket);
    this.#loop.wake();
    return existed;
  }

  /** Whether only this process can list a watched bucket, and does. */
  isOwn({ process }: Pick<StoredWatch, 'process'>): boolean {
    return process === this.#process && !this.#held.isStopped;
  }

  /** Lists no more: what is being listed is given up, and does not count as failed. */
  stop(): void {
    this.#loop.stop();
    this.#held.stop();
  }

  /** Leaves the watched buckets to other replicas. Resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.stop();
    await this.#loop.settled();
    await this.#held.close();
  }

  /** @returns when to look again, in ms */
  async #look(): Promise<number> {
    const watches = await listWatches(this.#options.pool);
    const mine = watches.filter(({ process }) => process === null || process === this.#process);
    const byBucket = new Map(mine.map((watch) => [watch.bucket, watch]));
    for (const [bucket, held] of this.#held.entries()) {
      if (byBucket.get(bucket)?.watch !== held.watch) await this.#drop(bucket, held);
    }
    for (const watch of mine) if (await this.#held.take(watch)) this.#memories.get(watch.watch)?.cursor.expire();
    for (const watch of mine) this.#beginIfDue(watch);
    const waits = this.#held.entries().flatMap(([, { round, dueAt }]) => (round === undefined ? [dueAt] : []));
    const nextMs = Math.max(0, Math.min(...waits) - performance.now());
    return Math.min(nextMs, watches.length > 0 ? LOOK_MS : IDLE_LOOK_MS);
  }

  /** It has ended, another one has taken its place, or another process is to list. */
  async #drop(bucket: string, held: HeldWatch): Promise<void> {
    this.#calls.delete(held.watch);
    this.#memories.delete(held.watch);
    await this.#held.drop(bucket, held, 'the bucket is no longer watched, or by another call');
  }

  #beginIfDue(stored: StoredWatch): void {
    const held = this.#held.get(stored.bucket);
    if (held === undefined || held.round !== undefined || performance.now() < held.dueAt || this.#held.isStopped)
      return;
    held.round = this.#list(stored, held)
      .then(async (failed) => {
        held.round = undefined;
        // Another replica may have what this one lacks: credentials, a way to the store, a folder. Without one this tries again.
        const others = failed && stored.process === null;
        if (others) await this.#held.leaveToOthers(stored.bucket, held, held.dueAt + LOOK_MS);
      })
      .finally(() => this.#loop.wake());
  }

  /** One listing. Never throws. @returns whether it failed */
  async #list(stored: StoredWatch, held: HeldWatch): Promise<boolean> {
    const { pool, log, onListed } = this.#options;
    const { bucket, watch } = stored;
    const startedAt = performance.now();
    const { signal } = held.end;
    const mine = { own: this.#calls.get(watch), ...this.#memoryOf(watch), signal };
    const outcome = await this.#atOnce(() => watchRound(stored, mine, this.#options));
    if (outcome === undefined) return false;
    const hasFailed = outcome.failure !== undefined;
    onListed(bucket, hasFailed ? 'failed' : 'listed');
    const paceMs = outcome.hasLeft ? Math.min(held.everyMs, SETTLE_MS) : held.everyMs;
    const waitMs = hasFailed ? waitAfterFailure(stored.failures, held.everyMs) : paceMs;
    held.dueAt = Math.max(startedAt + waitMs, performance.now());
    const nextInMs = held.dueAt - performance.now();
    await recordListing(pool, stored, { nextInMs, ...outcome }).catch((error: unknown) => {
      log.warn({ bucket, err: error }, 'the listing of a watched bucket could not be noted');
    });
    return hasFailed;
  }

  #memoryOf(watch: string): Pick<OwnWatch, 'cursor' | 'missing'> {
    const memory = this.#memories.get(watch) ?? { cursor: new KeyCursor(), missing: new MissingObjects() };
    this.#memories.set(watch, memory);
    return memory;
  }
}
