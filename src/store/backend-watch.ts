import pg from 'pg';

/** How often it looks whether the backends are there, in ms. */
const LOOK_MS = 5_000;

/**
 * Notices connections whose backend has ended though the client was not told: something on the way, a balancer or a
 * firewall, keeps them in silence. What waits for an answer on them would wait for ever; it fails as on any lost connection.
 */
export class BackendWatch {
  readonly #pool: pg.Pool;
  readonly #pids = new WeakMap<pg.ClientBase, number>();
  readonly #watched = new Map<pg.ClientBase, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param pool where it looks */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Watches a connection that is at nothing right now. @returns what ends that */
  async watch(client: pg.ClientBase): Promise<() => void> {
    const pid = this.#pids.get(client) ?? (await backendPid(client));
    this.#pids.set(client, pid);
    this.#watched.set(client, pid);
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS).unref();
    return () => {
      this.#watched.delete(client);
      if (this.#watched.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
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

/** The process id of a connection's backend. */
export async function backendPid(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid;
  if (pid === undefined) throw new Error('Postgres did not tell the process id of its backend');
  return pid;
}
