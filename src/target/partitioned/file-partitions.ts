import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { partitionGid, preparePartition, resolvePrepared } from './prepared-partition.ts';

/**
 * Two rows of one file may contradict each other in two backends, by a unique index besides the key, and the one would
 * wait for the other's transaction for ever. After 10 s the file is loaded through one backend instead.
 */
const BOUND_WAITS = "set local lock_timeout = '10s'";

/** Pause before another attempt at a share that somebody else settles, in ms. */
const BUSY_MS = 20;

/**
 * The further backends of one file: transactions beside the one that holds the LoaderFile's lock. They are prepared
 * (two-phase commit) before that one commits the decision, and committed after it.
 */
export class FilePartitions {
  /** Names the attempt in the decision and in the partitions. */
  readonly attempt = randomUUID();
  readonly clients: pg.PoolClient[] = [];

  readonly #pool: pg.Pool;
  readonly #id: string;
  readonly #prepared: string[] = [];
  #broken: Error | undefined;

  constructor(pool: pg.Pool, id: string) {
    this.#pool = pool;
    this.#id = id;
  }

  /**
   * Connects and begins `count` transactions.
   * @param first the transaction that they stand beside; its waits are bounded like theirs
   */
  async open(first: pg.ClientBase, count: number): Promise<void> {
    await first.query(BOUND_WAITS);
    while (this.clients.length < count) {
      const client = await this.#pool.connect();
      this.clients.push(client);
      await client.query(`begin; set local synchronous_commit = off; ${BOUND_WAITS}`);
    }
  }

  /** Prepares all of them. */
  async prepare(): Promise<void> {
    for (const [partition, client] of this.clients.entries()) {
      const gid = partitionGid(this.#id, this.attempt, partition);
      this.#prepared.push(gid);
      await preparePartition(client, gid);
    }
  }

  /** Commits them; only after the decision is committed. All rows are visible when it resolves. */
  async commit(): Promise<void> {
    await Promise.all(
      this.clients.map(async (client, partition) => {
        // Somebody who looks for what is in doubt may have met it first.
        while (!(await resolvePrepared(client, partitionGid(this.#id, this.attempt, partition), 'commit')))
          await delay(BUSY_MS);
      }),
    );
  }

  /** Undoes them, prepared or not. What cannot be undone now is found in doubt, and undone, later. */
  async rollback(): Promise<void> {
    for (const client of this.clients) await client.query('rollback').catch((error: Error) => this.#breaks(error));
    for (const gid of this.#prepared) await resolvePrepared(this.#pool, gid, 'rollback').catch(() => {});
  }

  /** Gives the connections back. */
  release(): void {
    for (const client of this.clients.splice(0)) client.release(this.#broken);
  }

  #breaks(error: Error): void {
    this.#broken = error;
  }
}
