import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { PID } from '../store/backend-watch.ts';
import { cancellable } from '../store/cancellable.ts';
import { sweepFingerprints } from '../store/fingerprint-table.ts';
import { boundStatement } from '../store/lock-waits.ts';
import { inTransaction, type Queryable } from '../store/query.ts';
import { quotedTable } from '../store/resource-tables.ts';
import { Statements } from '../store/statement.ts';
import { atOnce } from './at-once.ts';

/** Tables that are analyzed at the same time. */
const TABLES_AT_ONCE = 4;

/** Somebody's VACUUM may hold a table for hours; index builds need the connection more. */
const LOCK_WAIT_MS = 10_000;

/** A table that Postgres analyzes for its owner alone: it warns, and answers as if it had. */
interface SkippedTable {
  type: string;
  reason: string;
}

/**
 * The planner's statistics of tables that were loaded into. They are gathered after the load has ended: its rows are
 * all there, and ANALYZE, which unpacks 30,000 rows of each table, would add a fifth to the time of a load of 400 MB.
 * What does not come about here is left to autovacuum.
 */
export class TableStatistics {
  readonly #pool: pg.Pool;
  readonly #buildPool: pg.Pool;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();

  /** @param pools `pool` cancels what runs in `buildPool` */
  constructor({ pool, buildPool }: { pool: pg.Pool; buildPool: pg.Pool }, log: Logger) {
    this.#pool = pool;
    this.#buildPool = buildPool;
    this.#log = log;
  }

  /** Runs ANALYZE on the tables of these resource types, in the background; what goes wrong is logged. */
  refresh(types: readonly string[]): void {
    if (types.length === 0) return;
    const started = performance.now();
    const running = this.#analyze(types)
      .then(
        (skipped) => {
          const gathered = types.filter((type) => !skipped.some((each) => each.type === type));
          const ms = Math.round(performance.now() - started);
          if (gathered.length > 0) this.#log.info({ types: gathered, ms }, 'statistics gathered');
          for (const each of skipped) this.#log.warn(each, 'statistics left to autovacuum');
        },
        (error: unknown) => {
          if (!this.#abort.signal.aborted) this.#log.warn({ err: error, types }, 'statistics left to autovacuum');
        },
      )
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Cancels what runs. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#running);
  }

  async #analyze(types: readonly string[]): Promise<SkippedTable[]> {
    const { signal } = this.#abort;
    const { rows } = await this.#pool.query<{ type: string; table: string }>(
      'select type, name as table from unnest($1::text[], $2::text[]) as t (type, name) where to_regclass(name) is not null',
      [types, types.map(quotedTable)],
    );
    const skipped: SkippedTable[] = [];
    await atOnce(TABLES_AT_ONCE, rows, async ({ type, table }) => {
      if (signal.aborted) return;
      await inTransaction(this.#buildPool, async (client) => {
        if (signal.aborted) return;
        const pid = await boundWait(client);
        // Sessions of the loader hear of warnings only.
        const onNotice = ({ message: reason = '' }: { message?: string | undefined }) => skipped.push({ type, reason });
        client.on('notice', onNotice);
        try {
          await cancellable(this.#pool, client, { signal, graceMs: 0, pid }, () => client.query(`analyze ${table}`));
        } finally {
          client.off('notice', onNotice);
        }
      });
    });
    signal.throwIfAborted();
    await this.#sweep();
    return skipped;
  }

  /** Here, since it goes by the tables' sizes. */
  async #sweep(): Promise<void> {
    const { signal } = this.#abort;
    await inTransaction(this.#buildPool, async (client) => {
      const pid = await boundWait(client);
      const stop = { signal, graceMs: 0, pid };
      const deleted = await cancellable(this.#pool, client, stop, () => sweepFingerprints(client));
      if (deleted > 0) this.#log.info({ deleted }, 'fingerprints of rows that have changed are deleted');
    });
  }
}

/** @returns the process id of the backend */
async function boundWait(client: Queryable): Promise<number> {
  const statements = new Statements();
  statements.add(boundStatement(LOCK_WAIT_MS));
  const pid = statements.add(PID);
  await statements.send(client);
  return pid();
}
