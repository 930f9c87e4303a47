import type pg from 'pg';
import { countFreeConnections } from './free-connections.ts';

/** Connections that the main thread gets by with: for a call, and for a claim, a look or a status beside it. */
const FEWEST = 2;

/** How long it gets by with them, in ms; a file that has got a connection meanwhile hands it on to later ones. */
const GIVE_WAY_MS = 60_000;

/**
 * The main thread's share of the connections that Postgres accepts. A pool keeps as many as its statements ever wanted at the
 * same time, and opens them again: where calls come again and again, a file could wait for one for as long as they do.
 */
export class ConnectionShare {
  readonly #pool: pg.Pool;
  readonly #most: number;
  readonly #giveWayMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param pool of the main thread */
  constructor(pool: pg.Pool, giveWayMs = GIVE_WAY_MS) {
    this.#pool = pool;
    this.#giveWayMs = giveWayMs;
    this.#most = pool.options.max;
  }

  /**
   * How many connections Postgres has room for, those among them that this thread has open and does not use, as far as it gets by
   * with them: what it has beyond that it closes where there is hardly room left.
   */
  async countFree(): Promise<number> {
    let free = await countFreeConnections(this.#pool);
    if (free < FEWEST && this.#pool.totalCount > FEWEST) {
      await this.giveWay();
      free = await countFreeConnections(this.#pool);
    }
    return free + Math.min(this.#pool.idleCount, FEWEST);
  }

  /** Leaves connections to the files: to be called when Postgres has refused one. Statements wait for each other meanwhile. */
  async giveWay(): Promise<void> {
    clearTimeout(this.#timer);
    this.#pool.options.max = Math.min(FEWEST, this.#most);
    this.#timer = setTimeout(() => {
      this.#pool.options.max = this.#most;
    }, this.#giveWayMs).unref();
    // A pool hands out what is idle before it connects.
    const idle = Array.from({ length: this.#pool.idleCount }, async () => (await this.#pool.connect()).release(true));
    await Promise.allSettled(idle);
  }
}
