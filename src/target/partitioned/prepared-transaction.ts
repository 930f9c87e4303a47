import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { SQLSTATE } from '../../errors/sqlstate.ts';
import { checkEnded } from '../../store/commit.ts';
import { PREPARED_PREFIX, readPreparedName } from '../../store/loader-file/prepared-name.ts';
import { QUEUE } from '../../store/loader-file/queue.ts';
import type { Queryable } from '../../store/query.ts';
import { ask, type Statement } from '../../store/statement.ts';
import type { FileIdentity } from './file-identity.ts';

/**
 * A partition of a file that waits, prepared, for the file's decision (Postgres manual, "PREPARE TRANSACTION"). Its name
 * says queue, LoaderFile, attempt and partition, so that any replica can resolve it.
 */
export interface PreparedTransaction {
  gid: string;
  loaderFile: string;
  attempt: string;
}

/** Postgres's limit for the name, in bytes, with its closing zero. */
const MAX_GID_BYTES = 200;

/** The name of a partition. */
export function gidOf({ queue, id }: FileIdentity, attempt: string, partition: number): string {
  return [PREPARED_PREFIX, queue, encodeURIComponent(id), attempt, partition].join(':');
}

/** Whether the names of a file's partitions are short enough for Postgres; ids that the loader gives are. */
export function fitsGid(id: string): boolean {
  return encodeURIComponent(id).length < MAX_GID_BYTES - 64;
}

/** Prepares the transaction that `client` is in; it then belongs to no session and waits for its decision. */
export async function prepareTransaction(client: Queryable, gid: string): Promise<void> {
  checkEnded(await client.query(`prepare transaction ${pg.escapeLiteral(gid)}`), 'PREPARE');
}

/** Pause before another attempt at one that is busy, and how long, in ms. */
const BUSY_PAUSE_MS = 50;
const BUSY_TIMEOUT_MS = 10_000;

/**
 * Commits or rolls back a prepared transaction; not in a transaction. The caller knows the decision, so one that is not
 * there (any more) is one that somebody else has finished in the same way.
 * @throws what Postgres answers; also when somebody else holds it for 10 s without finishing it
 */
export async function finishPrepared(db: Queryable, gid: string, decision: 'commit' | 'rollback'): Promise<void> {
  const deadline = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      await db.query(`${decision} prepared ${pg.escapeLiteral(gid)}`);
      return;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      if (error.code === SQLSTATE.undefinedObject) return;
      // "prepared transaction with identifier … is busy": somebody else is about to finish it.
      if (error.code !== SQLSTATE.objectNotInPrerequisiteState || performance.now() > deadline) throw error;
    }
    await delay(BUSY_PAUSE_MS);
  }
}

/** All that are prepared for files of this queue, or for one of them. */
export async function listPrepared(db: Queryable, id?: string): Promise<PreparedTransaction[]> {
  return await ask(db, preparedStatement(id));
}

/** That of `listPrepared`. */
export function preparedStatement(id?: string): Statement<PreparedTransaction[]> {
  return {
    text: `select gid from pg_prepared_xacts
      where database = current_database()
        and starts_with(gid, concat($1::text, ':', ${QUEUE}, ':', $2::text))`,
    values: [PREPARED_PREFIX, id === undefined ? '' : `${encodeURIComponent(id)}:`],
    read: ({ rows }: pg.QueryResult<{ gid: string }>) =>
      rows.flatMap(({ gid }) => {
        const name = readPreparedName(gid);
        return name === undefined ? [] : [{ gid, ...name }];
      }),
  };
}

/**
 * How many transactions may wait prepared at once; 0 where two-phase commit is off, and on Citus, which needs it for
 * itself and refuses to prepare what reaches its workers.
 */
export async function maxPreparedTransactions(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ setting: string }>(
    `select current_setting('max_prepared_transactions') as setting
      where not exists (select from pg_extension where extname = 'citus')`,
  );
  return Number(rows[0]?.setting ?? 0);
}
