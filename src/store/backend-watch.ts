import pg from 'pg';
import { withinConnectTime } from './connection-options.ts';
import type { Queryable } from './query.ts';
import { ask, type Statement } from './statement.ts';

/** How often it looks whether backends are there, and tries again to end what could not be ended, in ms. */
const LOOK_MS = 5_000;

/** A backend of Postgres. */
export interface Backend {
  pid: number;
  /** When it started, to the microsecond: process ids are used again. */
  start: string;
}

/** Which backend a connection has: without pg_stat_activity, which looks up the databases and roles of all backends, 2 CPU ms in a new session. */
export const BACKEND: Statement<Backend> = {
  text: 'select pid, backend_start::text as start from pg_stat_get_activity(pg_backend_pid())',
  read: ({ rows: [backend] }: pg.QueryResult<Backend>) => {
    if (backend === undefined) throw new Error('Postgres did not return the process id of its backend');
    return backend;
  },
};

/**
 * Finds connections of which only one side knows that they are lost: something on the way, a balancer or a firewall, keeps
 * the other one in silence. Where Postgres has ended the backend, what waits for its answer would wait for ever: it fails as
 * on any lost connection. Where the client has lost it, the backend would keep its transaction and locks: it is ended.
 */
export class BackendWatch {
  readonly #pool: pg.Pool;
  readonly #backends = new WeakMap<pg.ClientBase, Backend>();
  readonly #watched = new Map<pg.ClientBase, number>();
  readonly #lost = new Set<Backend>();
  #timer: NodeJS.Timeout | undefined;

  /** @param pool where it looks, and ends backends */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Watches a pool's connections while they are in use. */
  watchPool(): void {
    const pool = this.#pool;
    pool.on('acquire', (client) => this.#begin(client));
    pool.on('release', (_error, client) => this.#unwatch(client));
    pool.on('remove', (client) => this.#unwatch(client));
  }

  /** Notes which backend a new connection has; to be called before it is used. */
  know(client: pg.ClientBase, backend: Backend): void {
    this.#backends.set(client, backend);
    client.on('error', () => void this.endBackend(client));
  }

  /** Watches a connection that is in no pool. @returns what ends that */
  async watch(client: pg.ClientBase): Promise<() => void> {
    this.know(client, await withinConnectTime(client, () => ask(client, BACKEND)));
    this.#begin(client);
    return () => this.#unwatch(client);
  }

  /**
   * Ends the backend of a connection that was lost, should Postgres not know of the loss, and waits until it is gone, for
   * 5 s at most. Where Postgres cannot be asked, it is tried again.
   */
  async endBackend(client: pg.ClientBase): Promise<void> {
    const backend = this.#backends.get(client);
    if (backend === undefined) return;
    this.#lost.add(backend);
    this.#start();
    await this.#endLost(backend);
  }

  #begin(client: pg.ClientBase): void {
    const backend = this.#backends.get(client);
    if (backend === undefined) return;
    this.#watched.set(client, backend.pid);
    this.#start();
  }

  #unwatch(client: pg.ClientBase): void {
    this.#watched.delete(client);
  }

  #start(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#look();
      if (this.#watched.size > 0 || this.#lost.size > 0) this.#start();
    }, LOOK_MS).unref();
  }

  async #look(): Promise<void> {
    if (this.#pool.ending) {
      this.#lost.clear();
      return;
    }
    for (const backend of this.#lost) await this.#endLost(backend);
    // The connection that looks is watched as well, and known to be there.
    const asked = new Map(this.#watched);
    if (asked.size === 0) return;
    const gone = await this.#gone([...asked.values()]);
    for (const [client, pid] of asked) {
      if (!gone.has(pid) || this.#watched.get(client) !== pid) continue;
      this.#watched.delete(client);
      // Its statement in flight fails with that.
      if (client instanceof pg.Client) client.end().catch(() => {});
    }
  }

  async #endLost(backend: Backend): Promise<void> {
    try {
      await this.#pool.query(
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz`,
        [backend.pid, backend.start],
      );
      this.#lost.delete(backend);
    } catch {
      // Postgres is out of reach: tried again at the next look.
    }
  }

  /** Those of the backends that are not there; none where Postgres cannot be asked. */
  async #gone(pids: readonly number[]): Promise<ReadonlySet<number>> {
    try {
      const { rows } = await this.#pool.query<{ pid: number }>(
        `select pid from unnest($1::int[]) as wanted(pid)
          where not exists (select from pg_stat_activity a where a.pid = wanted.pid)`,
        [pids],
      );
      return new Set(rows.map(({ pid }) => pid));
    } catch {
      // Connections of a Postgres that is out of reach end by themselves, or are asked about at the next look.
      return new Set();
    }
  }
}

/** The process id of a connection's backend. */
export async function backendPid(client: Queryable): Promise<number> {
  return await ask(client, PID);
}

/** That of `backendPid`. */
export const PID: Statement<number> = {
  text: 'select pg_backend_pid() as pid',
  read: ({ rows: [row] }: pg.QueryResult<{ pid: number }>) => {
    if (row === undefined) throw new Error('Postgres did not return the process id of its backend');
    return row.pid;
  },
};
