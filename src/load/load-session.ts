import pLimit from 'p-limit';
import type pg from 'pg';
import type { BackendWatch } from '../store/backend-watch.ts';
import { joinLoad, tryJoinLoad } from '../store/bucket-load/load-lock.ts';
import { type LoadNotice, listenToLoads, parseNotice } from '../store/bucket-load/load-notice.ts';
import { connectClient, type DatabaseAddress } from '../store/connection-options.ts';
import type { Queryable } from '../store/query.ts';

/** What a session raises by itself. */
export type SessionEvent = { kind: 'session-lost' } | { kind: 'noticed'; notice: LoadNotice };

/**
 * Dedicated connection whose advisory lock marks the bucket as in progress for every replica; Postgres releases it the
 * moment the process is gone. It also receives the notifications of other processes.
 */
export class LoadSession {
  readonly #address: DatabaseAddress;
  readonly #bucket: string;
  readonly #emit: (event: SessionEvent) => void;
  readonly #watch: BackendWatch | undefined;
  #unwatch = () => {};
  #client: pg.Client | undefined;
  /** Connection still waiting for the bucket lock. */
  #joining: pg.Client | undefined;
  #ended = false;
  /** A connection runs one statement at a time. */
  readonly #oneAtATime = pLimit(1);

  /** @param watch finds out when the connection is lost in silence */
  constructor(address: DatabaseAddress, bucket: string, emit: (event: SessionEvent) => void, watch?: BackendWatch) {
    this.#watch = watch;
    this.#address = address;
    this.#bucket = bucket;
    this.#emit = emit;
  }

  /**
   * Connects, once more where the connection was lost, and joins the load, waiting for a process that is finishing the
   * bucket.
   * @param onAnnounced called as soon as this session or the finisher marks the bucket as in progress
   * @param giveUp aborted: the wait ends
   * @param onJoined what is to be done on the connection once it has joined, and before that is announced
   * @throws what Postgres answers
   */
  async join(
    onAnnounced: () => void,
    giveUp: AbortSignal,
    onJoined: (session: Queryable) => Promise<void> = async () => {},
  ): Promise<void> {
    const client = await connectClient(this.#address);
    this.#joining = client;
    const stopWaiting = () => void client.end();
    giveUp.addEventListener('abort', stopWaiting, { once: true });
    try {
      if (this.#ended || giveUp.aborted) throw new Error('the load has ended');
      this.#unwatch();
      this.#unwatch = (await this.#watch?.watch(client)) ?? this.#unwatch;
      await listenToLoads(client);
      const joined = await tryJoinLoad(client, this.#bucket);
      if (joined) await onJoined(client);
      onAnnounced();
      if (!joined) {
        await joinLoad(client, this.#bucket);
        await onJoined(client);
      }
    } catch (error) {
      // Left open, it would mark the bucket for as long as this process lives.
      await client.end().catch(() => {});
      throw error;
    } finally {
      giveUp.removeEventListener('abort', stopWaiting);
      this.#joining = undefined;
    }
    this.#client = client;
    // Not before: the caller retries a session that ends while it joins; both would otherwise.
    client.on('end', () => {
      if (!this.#ended) this.#emit({ kind: 'session-lost' });
    });
    client.on('notification', (message) => {
      const notice = parseNotice(message);
      if (notice !== undefined) this.#emit({ kind: 'noticed', notice });
    });
  }

  /** The connection itself, for locks that are to live as long as the load. */
  get connection(): Queryable {
    if (this.#client === undefined) throw new Error('the load has no session');
    return this.#client;
  }

  /** Does something on the connection, once what was asked for before is done. */
  do<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    return this.#oneAtATime(() => work(this.connection));
  }

  /** Ends the connection, also one still being opened, and all locks with it. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#unwatch();
    await Promise.all([this.#client, this.#joining].map((client) => client?.end().catch(() => {})));
  }
}
