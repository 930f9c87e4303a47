import type pg from 'pg';
import { joinLoad, tryJoinLoad } from '../store/bucket-load/load-lock.ts';
import { connectClient, type DatabaseAddress } from '../store/connection-options.ts';
import type { Queryable } from '../store/query.ts';
import { backOff } from './backoff.ts';
import { OneAtATime } from './one-at-a-time.ts';

/**
 * The connection that stands for this process's work on a bucket: its advisory lock says "in-progress" to every
 * replica, and is gone the moment the process is. Lost to a restart of Postgres, it is made again.
 */
export class LoadSession {
  readonly #address: DatabaseAddress;
  readonly #bucket: string;
  readonly #givenUp: AbortSignal;
  readonly #shutdown: AbortSignal;
  readonly #onLost: (error: Error) => void;
  #client: pg.Client | undefined;
  /** One that is not in the load yet. */
  #joining: pg.Client | undefined;
  #ended = false;
  readonly #statements = new OneAtATime();

  /**
   * @param givenUp aborted: nobody waits to join any more
   * @param shutdown aborted: a lost connection is not made again
   * @param onLost told when the connection is lost before `end`
   */
  constructor(
    address: DatabaseAddress,
    bucket: string,
    { givenUp, shutdown }: { givenUp: AbortSignal; shutdown: AbortSignal },
    onLost: (error: Error) => void,
  ) {
    this.#address = address;
    this.#bucket = bucket;
    this.#givenUp = givenUp;
    this.#shutdown = shutdown;
    this.#onLost = onLost;
  }

  /**
   * Connects and joins the load, waiting for whoever finishes the bucket right now.
   * @param onAnnounced called as soon as somebody, this session or the finisher, stands for the bucket
   * @throws what Postgres answers
   */
  async join(onAnnounced: () => void): Promise<void> {
    const client = await connectClient(this.#address);
    this.#joining = client;
    // A stop must not wait for whoever finishes the bucket; once joined, the session outlives it until `end`.
    const giveUp = () => void client.end();
    this.#givenUp.addEventListener('abort', giveUp, { once: true });
    try {
      if (this.#ended) throw new Error('the load has ended');
      const joined = await tryJoinLoad(client, this.#bucket);
      onAnnounced();
      if (!joined) await joinLoad(client, this.#bucket);
    } catch (error) {
      // Forgotten, it would say "in-progress" for as long as this process lives.
      await client.end().catch(() => {});
      throw error;
    } finally {
      this.#givenUp.removeEventListener('abort', giveUp);
      this.#joining = undefined;
    }
    this.#client = client;
    // Not before: one that ends while it joins is its caller's to try again, or two would.
    client.on('end', () => {
      if (!this.#ended) void this.#rejoin(new Error('the connection ended'));
    });
  }

  /** The connection itself, for locks that are to live as long as the load. */
  get connection(): Queryable {
    if (this.#client === undefined) throw new Error('the load has no session');
    return this.#client;
  }

  /** Does something on the connection, once what was asked for before is done: it takes one statement at a time. */
  do<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    return this.#statements.do(() => work(this.connection));
  }

  /** Ends the connection, one that is being made again as well, and all locks with it. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all([this.#client, this.#joining].map((client) => client?.end().catch(() => {})));
  }

  async #rejoin(reason: Error): Promise<void> {
    this.#onLost(reason);
    for (let attempt = 1; !this.#ended && !this.#shutdown.aborted; attempt++) {
      try {
        await this.join(() => {});
        return;
      } catch {
        await backOff(attempt, this.#shutdown);
      }
    }
  }
}
