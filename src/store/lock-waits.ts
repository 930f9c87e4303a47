import { z } from 'zod';
import type { Queryable } from './query.ts';
import { ask, type Statement } from './statement.ts';

/** Bounds how long each further statement of the transaction waits for a lock, in ms; it then fails with 55P03. */
export async function boundLockWaits(db: Queryable, ms: number): Promise<void> {
  await ask(db, boundStatement(ms));
}

/** That of `boundLockWaits`. */
export function boundStatement(ms: number): Statement<void> {
  return { text: `select set_config('lock_timeout', $1, true)`, values: [`${ms}`], read: () => {} };
}

/** A transaction that keeps others waiting. */
export interface OpenTransaction {
  /** Process id of its backend. */
  pid: number;
  /** Empty when it set none, or when this role may not see it. */
  application: string;
  since: Date;
}

const transactionSchema = z.object({ pid: z.int(), application: z.string(), since: z.date() });

/**
 * The oldest transaction that has written to the LoaderFiles, or holds an advisory lock, for at least `ms`; undefined
 * when there is none, or this role may not see how old they are.
 */
export async function findOldTransaction(db: Queryable, ms: number): Promise<OpenTransaction | undefined> {
  const { rows } = await db.query(
    `select a.pid, coalesce(a.application_name, '') as application, a.xact_start as since
       from pg_stat_activity a
      where a.datname = current_database() and a.pid <> pg_backend_pid()
        and a.xact_start <= clock_timestamp() - $1 * interval '1 ms'
        and exists (select from pg_locks l
                     where l.pid = a.pid and l.granted
                       and (l.locktype = 'advisory'
                            or l.relation = 'loaderfile'::regclass and l.mode = 'RowExclusiveLock'))
      order by a.xact_start limit 1`,
    [ms],
  );
  return rows[0] === undefined ? undefined : transactionSchema.parse(rows[0]);
}
