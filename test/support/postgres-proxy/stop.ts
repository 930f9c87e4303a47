import type { ConnectionStop, ProxiedConnection } from './proxied-connection.ts';

export interface StopOptions {
  /** Whether a statement on a connection is the one to stop at. */
  matches: (connection: ProxiedConnection, statement: string) => boolean;
  holds: ConnectionStop['holds'];
}

/** Stops the first connection that sends a certain statement, until it is released. */
export class Stop implements ConnectionStop {
  readonly holds: ConnectionStop['holds'];
  readonly reached: Promise<ProxiedConnection>;

  readonly #matches: StopOptions['matches'];
  readonly #reach: (connection: ProxiedConnection) => void;
  #connection: ProxiedConnection | undefined;
  #used = false;

  constructor({ matches, holds }: StopOptions) {
    this.#matches = matches;
    this.holds = holds;
    const { promise, resolve } = Promise.withResolvers<ProxiedConnection>();
    this.reached = promise;
    this.#reach = resolve;
  }

  /** Whether this is the statement; only once. */
  takes(connection: ProxiedConnection, statement: string): boolean {
    if (this.#used || !this.#matches(connection, statement)) return false;
    this.#used = true;
    return true;
  }

  reach(connection: ProxiedConnection): void {
    this.#connection = connection;
    this.#reach(connection);
  }

  /** Lets go on what is held, and stops nothing any more. */
  release(): void {
    this.#used = true;
    this.#connection?.release();
  }
}
