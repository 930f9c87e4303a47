import pg from 'pg';
import { PoolBusy } from '../errors/pool-busy.ts';

type OnConnect = (error: Error | undefined, client: pg.PoolClient | undefined, done: () => void) => void;

/** How pg-pool words the end of the wait for a free connection; it gives this error neither a class nor a code. */
const WAIT_IS_OVER = 'timeout exceeded when trying to connect';

/**
 * A pool in which who finds all connections in use stands in line. How long is apart from how long one may take to be made, and who has stood in
 * line for nothing learns that the pool was busy, not that Postgres is away.
 */
export class WaitingPool extends pg.Pool {
  readonly #waitMs: number;
  #connected = 0;

  /** @param waitMs longest wait for a free connection, which is no shorter than that for a new one; 0: as long as it takes */
  constructor({ connectionTimeoutMillis, ...config }: pg.PoolConfig, waitMs: number) {
    class Client extends pg.Client {
      constructor() {
        // Not what pg-pool hands over: it hides the password there, so that a copy has none.
        super({ ...config, connectionTimeoutMillis });
      }
    }
    // It bounds both waits; who connects has a limit of its own, which is not to be cut short.
    const most = waitMs === 0 ? 0 : Math.max(waitMs, connectionTimeoutMillis ?? 0);
    super({ ...config, Client, connectionTimeoutMillis: most });
    this.#waitMs = most;
    this.on('connect', () => this.#connected++);
    this.on('remove', () => this.#connected--);
  }

  /** Whether somebody stands in line for what others use. */
  get isBusy(): boolean {
    return this.#connected > 0 && this.idleCount === 0 && this.waitingCount > 0;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: OnConnect): void;
  override connect(callback?: OnConnect): Promise<pg.PoolClient> | undefined {
    if (callback !== undefined) {
      super.connect((error, client, done) => callback(error === undefined ? error : this.#named(error), client, done));
      return undefined;
    }
    return super.connect().catch((error: unknown) => {
      throw this.#named(error);
    });
  }

  /** Where Postgres is away, too, many stand in line: for connections that are being made. */
  #named<E>(error: E): E | PoolBusy {
    const isOver = error instanceof Error && error.message === WAIT_IS_OVER;
    return isOver && this.#connected > 0 ? new PoolBusy(this.options.max, this.#waitMs) : error;
  }
}
