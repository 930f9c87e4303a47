import type pg from 'pg';
import { BackendWatch } from '../../store/backend-watch.ts';
import { releaseWatchLock, tryHoldWatchLock } from '../../store/bucket-watch/watch-lock.ts';
import { connectClient, type DatabaseAddress } from '../../store/connection-options.ts';

/**
 * Dedicated connection whose advisory locks say which watched buckets this replica lists. Postgres releases them the moment the
 * process is gone; another replica then takes them.
 */
export class WatchSession {
  readonly #client: pg.Client;
  readonly #unwatch: () => void;

  private constructor(client: pg.Client, unwatch: () => void) {
    this.#client = client;
    this.#unwatch = unwatch;
  }

  /** @param onLost called when the connection ends, and its locks with it */
  static async open(address: DatabaseAddress, pool: pg.Pool, onLost: () => void): Promise<WatchSession> {
    const client = await connectClient(address);
    try {
      const unwatch = await new BackendWatch(pool).watch(client);
      client.on('end', onLost);
      return new WatchSession(client, unwatch);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
  }

  async tryHold(bucket: string): Promise<boolean> {
    return await tryHoldWatchLock(this.#client, bucket);
  }

  async release(bucket: string): Promise<void> {
    await releaseWatchLock(this.#client, bucket);
  }

  async end(): Promise<void> {
    this.#unwatch();
    await this.#client.end().catch(() => {});
  }
}
