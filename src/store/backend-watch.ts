import pg from 'pg';

/** How often it looks whether the backends are there, in ms. */
const LOOK_MS = 5_000;

/**
 * Notices connections whose backend has ended though the client was not told: something on the way, a balancer or a
 * firewall, keeps them in silence. What waits for an answer on them would wait for ever; it fails as on any lost connection.
 */
export class BackendWatch {
  readonly #pool: pg.Pool;
  readonly #backends = new WeakMap<pg.ClientBase, Backend>();
  readonly #watched = new Map<pg.ClientBase, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param pool where it looks */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Watches a connection. @returns what ends that */
  async watch(client: pg.ClientBase): Promise<() => void> {
    const backend = this.#backends.get(client) ?? (await findBackend(client));
    this.#backends.set(client, backend);
    this.#watched.set(client, backend.pid);
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS).unref();
    return () => {
      this.#watched.delete(client);
      if (this.#watched.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /**
   * Ends the backend of a connection that was lost, should Postgres not know of the loss: it would keep its locks.
   * Waits until it is gone, for 5 s at most. Where Postgres cannot be asked, its own keepalive finds it.
   */
  async endBackend(client: pg.ClientBase): Promise<void> {
    const backend = this.#backends.get(client);
    if (backend === undefined) return;
    try {
      await this.#pool.query(
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz`,
        [backend.pid, backend.start],
      );
    } catch {
      // See above.
    }
  }

  /** The process id of the backend of a watched connection. */
  pidOf(client: pg.ClientBase): number | undefined {
    return this.#watched.get(client);
  }

  async #look(): Promise<void> {
    const asked = new Map(this.#watched);
    const gone = await this.#gone([...asked.values()]);
    for (const [client, pid] of asked) {
      if (!gone.has(pid) || this.#watched.get(client) !== pid) continue;
      this.#watched.delete(client);
      // What is under way on it fails with that.
      if (client instanceof pg.Client) client.end().catch(() => {});
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

interface Backend {
  pid: number;
  /** When it started, to the microsecond: process ids are used again. */
  start: string;
}

async function findBackend(client: pg.ClientBase): Promise<Backend> {
  const { rows } = await client.query<Backend>(
    'select pid, backend_start::text as start from pg_stat_activity where pid = pg_backend_pid()',
  );
  const backend = rows[0];
  if (backend === undefined) throw new Error('Postgres did not tell the process id of its backend');
  return backend;
}
