import type pg from 'pg';
import type { StoredWatch } from '../../store/bucket-watch/bucket-watch.ts';
import type { DatabaseAddress } from '../../store/connection-options.ts';
import { paceOf, waitOnTakeover } from './pace.ts';
import { WatchSession } from './watch-session.ts';

/** A bucket that this replica lists. */
export interface HeldWatch {
  watch: string;
  everyMs: number;
  /** By `performance.now()`: clocks may be set. */
  dueAt: number;
  /** The listing in progress. */
  round: Promise<void> | undefined;
  /** Aborted when this replica is no longer to list. */
  end: AbortController;
}

export interface HeldWatchesOptions {
  address: DatabaseAddress;
  pool: pg.Pool;
  /** Called when all are lost at once, with the connection that holds their locks. */
  onLost: () => void;
}

/** The watched buckets, by name, whose watch lock this replica holds: nobody else lists them. */
export class HeldWatches {
  readonly #options: HeldWatchesOptions;
  readonly #held = new Map<string, HeldWatch>();
  /** Buckets that could not be listed here, and until when another replica may try, by `performance.now()`. */
  readonly #resting = new Map<string, number>();
  #session: WatchSession | undefined;
  #isStopped = false;

  constructor(options: HeldWatchesOptions) {
    this.#options = options;
  }

  get(bucket: string): HeldWatch | undefined {
    return this.#held.get(bucket);
  }

  entries(): [string, HeldWatch][] {
    return [...this.#held];
  }

  /** Takes a watch, unless another replica has it, or may try first. @returns whether it has been taken just now */
  async take({ bucket, watch, every, dueInMs }: StoredWatch): Promise<boolean> {
    const everyMs = paceOf(every);
    // A pace of another version of the loader is left to its replicas.
    if (this.#held.has(bucket) || this.#isStopped || everyMs === undefined) return false;
    if (performance.now() < (this.#resting.get(bucket) ?? 0)) return false;
    this.#resting.delete(bucket);
    this.#session ??= await this.#open();
    const session = this.#session;
    if (!(await session.tryHold(bucket))) return false;
    // Lost meanwhile: the lock is gone with it.
    if (this.#session !== session) return false;
    const dueAt = performance.now() + waitOnTakeover(dueInMs, everyMs);
    this.#held.set(bucket, { watch, everyMs, dueAt, round: undefined, end: new AbortController() });
    return true;
  }

  /** Gives up a watch, and ends what it lists. */
  async drop(bucket: string, held: HeldWatch, reason: string): Promise<void> {
    this.#held.delete(bucket);
    held.end.abort(new Error(reason));
    await held.round;
    await this.#session?.release(bucket);
  }

  /** Gives up a watch that is not listing now, and does not take it again for a while. */
  async leaveToOthers(bucket: string, held: HeldWatch, until: number): Promise<void> {
    if (this.#held.get(bucket) !== held) return;
    this.#held.delete(bucket);
    this.#resting.set(bucket, until);
    // With the session the lock is gone as well.
    await this.#session?.release(bucket).catch(() => {});
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Takes no more, and ends what is being listed. */
  stop(): void {
    this.#isStopped = true;
    for (const { end } of this.#held.values()) end.abort(new Error('the server is shutting down'));
  }

  /** Gives up all of them. Resolves when nothing is listed any more. */
  async close(): Promise<void> {
    this.stop();
    await this.#letGo();
    await this.#session?.end();
  }

  async #open(): Promise<WatchSession> {
    const { address, pool, onLost } = this.#options;
    return await WatchSession.open(address, pool, () => {
      this.#session = undefined;
      // Another replica may hold the locks by now.
      void this.#letGo();
      onLost();
    });
  }

  async #letGo(): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    for (const { end } of all) end.abort(new Error('this replica no longer watches'));
    await Promise.all(all.map(({ round }) => round));
  }
}
