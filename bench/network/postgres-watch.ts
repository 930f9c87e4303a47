import { setTimeout as delay } from 'node:timers/promises';
import { connectClient } from '../../src/store/connection-options.ts';
import type { BenchDatabase } from '../postgres/bench-database.ts';

/** Between two looks, in ms. */
const EVERY_MS = 20;

/** How a load kept Postgres busy. */
export interface PostgresUse {
  /** Part of the looks at which no backend was at work: none was active, or those that were waited for their client. */
  idle: number;
  /** From the call to the first row that reached Postgres, and to the first file that was committed, in s. */
  firstRowS: number;
  firstFileS: number;
}

/** Looks at Postgres again and again while `load` runs. */
export async function watchPostgres<T>(
  { address }: BenchDatabase,
  load: () => Promise<T>,
): Promise<{ result: T; use: PostgresUse }> {
  const client = await connectClient(address);
  let isOver = false;
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const is = async (text: string) => (await client.query<{ is: boolean }>(text)).rows[0]?.is === true;
  const looking = (async () => {
    const use = { idle: 0, firstRowS: Number.NaN, firstFileS: Number.NaN };
    let looks = 0;
    let idle = 0;
    for (; !isOver; await delay(EVERY_MS)) {
      const { rows } = await client.query<{ busy: boolean }>({ name: 'busy', text: BUSY });
      looks++;
      if (rows[0]?.busy !== true) idle++;
      if (Number.isNaN(use.firstRowS) && (await is(FIRST_ROW))) use.firstRowS = seconds();
      if (Number.isNaN(use.firstFileS) && (await is(FIRST_FILE))) use.firstFileS = seconds();
    }
    // The COPY of a small file can be over between two looks.
    return {
      idle: idle / looks,
      firstRowS: Math.min(use.firstRowS || use.firstFileS, use.firstFileS),
      firstFileS: use.firstFileS,
    };
  })();
  looking.catch(() => {});
  try {
    const result = await load();
    isOver = true;
    return { result, use: await looking };
  } finally {
    isOver = true;
    await looking.catch(() => {});
    await client.end();
  }
}

const BUSY = `select exists (select from pg_stat_activity
                              where datname = current_database() and pid <> pg_backend_pid()
                                and backend_type = 'client backend' and state = 'active'
                                and wait_event_type is distinct from 'Client') as busy`;
const FIRST_ROW = 'select exists (select from pg_stat_progress_copy where tuples_processed > 0) as is';
const FIRST_FILE = `select exists (select from loaderfile where resource ->> 'status' = 'done') as is`;
