import { QUEUE } from '../../store/loader-file/queue.ts';
import type { Queryable } from '../../store/query.ts';

/** What tells a file from all others of this Postgres, in the names of its backends and of its prepared transactions. */
export interface FileIdentity {
  /** The LoaderFile's id. */
  id: string;
  /** The oid of the table it is in: other schemas, and databases, may have a loader of their own. */
  queue: string;
  /** A hash of both, 16 hexadecimal digits: the file's advisory lock, and its backends' names, which are short. */
  key: string;
}

/** The key of a file, in SQL, of its table's oid and its id. */
export function keyOfFile(queue: string, id: string): string {
  return `substr(md5(${queue} || ':' || ${id}), 1, 16)`;
}

/** Finds out what names a file. */
export async function identifyFile(db: Queryable, id: string): Promise<FileIdentity> {
  const { rows } = await db.query<{ queue: string; key: string }>(
    `select ${QUEUE}::text as queue,
            ${keyOfFile(QUEUE, '$1::text')} as key`,
    [id],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('Postgres did not return the oid of table loaderfile');
  return { id, ...row };
}

/** The advisory lock of a key, as SQL has it. */
function lockOf(key: string): string {
  return `('x' || ${key})::bit(64)::bigint`;
}

/** Locks the file until the end of the transaction: nobody else loads it in partitions or resolves it. */
export async function tryLockFile(db: Queryable, { key }: FileIdentity): Promise<boolean> {
  return await got(db, `pg_try_advisory_xact_lock(${lockOf('$1::text')})`, key);
}

/** The same on a session, until `unlockFile`. */
export async function tryLockFileInSession(session: Queryable, key: string): Promise<boolean> {
  return await got(session, `pg_try_advisory_lock(${lockOf('$1::text')})`, key);
}

/** Lets go of the lock that `tryLockFileInSession` got. */
export async function unlockFile(session: Queryable, key: string): Promise<void> {
  await got(session, `pg_advisory_unlock(${lockOf('$1::text')})`, key);
}

/** Whether the backend `pid` holds the file's lock. */
export async function isLockedBy(db: Queryable, { key }: FileIdentity, pid: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from pg_locks
      where locktype = 'advisory' and objsubid = 1 and granted and pid = $2
        and database = (select oid from pg_database where datname = current_database())
        and ((classid::bigint << 32) | objid::bigint) = ${lockOf('$1::text')}`,
    [key, pid],
  );
  return rowCount !== 0;
}

async function got(db: Queryable, call: string, key: string): Promise<boolean> {
  const { rows } = await db.query<{ got: boolean }>(`select ${call} as got`, [key]);
  return rows[0]?.got === true;
}
