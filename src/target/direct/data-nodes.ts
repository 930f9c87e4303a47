import type pg from 'pg';
import type { DatabaseAddress } from '../../store/connection-options.ts';
import { createPool } from '../../store/create-pool.ts';

/** Pools of data connections, one for each node that takes rows; files are spread over them in turn. */
export class DataNodes {
  readonly #pools: readonly pg.Pool[];
  #next: number;

  /** @param max most connections to each node */
  constructor(addresses: readonly DatabaseAddress[], max: number) {
    this.#pools = addresses.map((address) =>
      createPool(address, { max, onIdleError: () => {}, toastCompression: 'lz4', idleTimeoutMs: 5_000 }),
    );
    // Each thread begins with another.
    this.#next = Math.floor(Math.random() * addresses.length);
  }

  /** Whether rows have a way past the coordinator. */
  get present(): boolean {
    return this.#pools.length > 0;
  }

  /** The pool of the node whose turn it is. */
  next(): pg.Pool {
    const pool = this.#pools[this.#next];
    if (pool === undefined) throw new RangeError('there is no data node');
    this.#next = (this.#next + 1) % this.#pools.length;
    return pool;
  }
}
