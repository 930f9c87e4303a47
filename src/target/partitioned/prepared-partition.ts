import pg from 'pg';
import type { Queryable } from '../../store/query.ts';

/**
 * A share of a file's rows that waits, prepared, for the file's decision (Postgres manual, "PREPARE TRANSACTION").
 * Its name tells the LoaderFile, the attempt at it and the share, so that any replica can settle it.
 */
export interface PreparedPartition {
  gid: string;
  loaderFile: string;
  attempt: string;
}

const PREFIX = 'fhir_bucket_loader';

/** The name of a share. */
export function partitionGid(loaderFile: string, attempt: string, partition: number): string {
  return [PREFIX, loaderFile, attempt, partition].join(':');
}

/** Prepares the transaction that `client` is in; it is then no session's and waits for its decision. */
export async function preparePartition(client: Queryable, gid: string): Promise<void> {
  await client.query(`prepare transaction ${pg.escapeLiteral(gid)}`);
}

const UNDEFINED_OBJECT = '42704';
/** "prepared transaction with identifier … is busy". */
const OBJECT_NOT_IN_PREREQUISITE_STATE = '55000';

/**
 * Settles a share; one that another replica has settled already is fine. Not in a transaction.
 * @returns false while somebody else settles it
 */
export async function resolvePrepared(db: Queryable, gid: string, decision: 'commit' | 'rollback'): Promise<boolean> {
  try {
    await db.query(`${decision} prepared ${pg.escapeLiteral(gid)}`);
    return true;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    if (error.code === OBJECT_NOT_IN_PREREQUISITE_STATE) return false;
    if (error.code !== UNDEFINED_OBJECT) throw error;
    return true;
  }
}

/** All partitions in doubt in this database. */
export async function listPreparedPartitions(db: Queryable): Promise<PreparedPartition[]> {
  const { rows } = await db.query<{ gid: string }>(
    `select gid from pg_prepared_xacts where database = current_database() and starts_with(gid, $1)`,
    [`${PREFIX}:`],
  );
  return rows.flatMap(({ gid }) => {
    const [, loaderFile, attempt] = gid.split(':');
    return loaderFile === undefined || attempt === undefined ? [] : [{ gid, loaderFile, attempt }];
  });
}

/**
 * How many transactions may wait prepared at once; 0 where two-phase commit is off, and on Citus, which needs it for
 * itself and refuses to prepare what reaches its workers.
 */
export async function maxPreparedTransactions(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ setting: string }>(
    `select setting from pg_settings where name = 'max_prepared_transactions'
       and not exists (select from pg_extension where extname = 'citus')`,
  );
  return Number(rows[0]?.setting ?? 0);
}
