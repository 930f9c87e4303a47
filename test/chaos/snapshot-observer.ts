import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { ALL_ROWS } from './chaos-tables.ts';
import { checkNightly } from './nightly-files.ts';
import type { RoundPlan } from './round-plan.ts';

const EVERY_MS = 30;

/**
 * Watches a round from outside: in every snapshot of the database a file has all of its rows and is `done`, or has
 * none and is not. A large file's backends commit one after the other, so only its `done` is held to that.
 */
export class SnapshotObserver {
  /** Snapshots taken. */
  snapshots = 0;
  readonly violations = new Set<string>();

  readonly #pool: pg.Pool;
  readonly #plan: RoundPlan;
  #watching = true;
  readonly #ended: Promise<void>;

  constructor(pool: pg.Pool, plan: RoundPlan) {
    this.#pool = pool;
    this.#plan = plan;
    this.#ended = this.#watch();
  }

  /** Takes no further snapshot. */
  async stop(): Promise<void> {
    this.#watching = false;
    await this.#ended;
  }

  async #watch(): Promise<void> {
    while (this.#watching) {
      await this.#look().catch(() => {
        // Postgres is down, as a round may have it.
      });
      await delay(EVERY_MS);
    }
  }

  /** One statement sees one snapshot. */
  async #look(): Promise<void> {
    const { files, nightly, bucket } = this.#plan;
    const shared = files.filter((file) => file.shared).map(({ key }) => key);
    const large = files.filter(({ kind }) => kind === 'large').map(({ key }) => key);
    const { rows } = await this.#pool.query<{ file: string; status: string; loaded: number; rows: number }>(
      `select l.resource ->> 'file' as file, l.resource ->> 'status' as status,
              coalesce((l.resource ->> 'loaded')::int, 0) as loaded, coalesce(r.rows, 0) as rows
         from loaderfile l
         left join (select file, count(*)::int as rows from (${ALL_ROWS}) a where bucket = $1 group by file) r
                on r.file = l.resource ->> 'file'
        where l.resource ->> 'bucket' = 's3://' || $1 and l.resource ->> 'file' <> all ($2)
          and l.resource ->> 'file' <> all ($4) and not (l.resource ->> 'file' = any ($3) and l.resource ->> 'status' <> 'done')
          and coalesce(r.rows, 0) <> case when l.resource ->> 'status' = 'done'
                                          then coalesce((l.resource ->> 'loaded')::int, 0) else 0 end`,
      [this.#plan.bucket, shared, large, nightly.map(({ key }) => key)],
    );
    for (const file of nightly) {
      const violation = await checkNightly(this.#pool, bucket, file);
      if (violation !== undefined) this.violations.add(`a snapshot shows that ${violation}`);
    }
    this.snapshots++;
    for (const { file, status, loaded, rows: count } of rows) {
      this.violations.add(`a snapshot shows ${file} ${status} (loaded ${loaded}) with ${count} rows`);
    }
  }
}
