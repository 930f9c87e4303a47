import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';
import type { ResourceTable } from '../resource-tables.ts';

/**
 * The key of an advisory lock: the 64-bit hash of a name. A session that needs a thing to stay as it is holds its lock
 * shared, on a session of its own; Postgres lets go of it when that session ends, however it ends. Who holds it
 * exclusively is the last one out and does what is to be done at the end.
 */
function keyOf(name: string): string {
  return `hashtextextended('fhir-bucket-loader ' || ${name}, 0)`;
}

/** "Somebody works on this bucket." */
const BUCKET = keyOf(`'bucket ' || ${QUEUE} || ' ' || $1::text`);

/** "A load relies on this table's indexes being off." */
const TABLE = keyOf(`'indexes of ' || $1::text`);

/** "A load relies on this table's primary key standing." */
const KEY = keyOf(`'key of ' || $1::text`);

/** What the locks call a table. */
function nameOf({ schema, name }: ResourceTable): string {
  return `${schema} ${name}`;
}

/** Waits for a process that is finishing the bucket, then joins the load. */
export async function joinLoad(session: Queryable, bucket: string): Promise<void> {
  await session.query(`select pg_advisory_lock_shared(${BUCKET})`, [bucket]);
}

/** Joins those who work on the bucket, unless somebody finishes it right now. */
export async function tryJoinLoad(session: Queryable, bucket: string): Promise<boolean> {
  return await got(session, `pg_try_advisory_lock_shared(${BUCKET})`, bucket);
}

/**
 * Stops counting as one who works on the bucket, or, as the last of them, becomes the one who finishes it.
 * @returns whether this session finishes it
 */
export async function leaveOrFinishLoad(session: Queryable, bucket: string): Promise<boolean> {
  return await leaveOrTakeOver(session, BUCKET, bucket);
}

/** Becomes the one who finishes the bucket, unless somebody works on it or finishes it already. */
export async function tryFinishLoad(session: Queryable, bucket: string): Promise<boolean> {
  return await tryExclusive(session, BUCKET, bucket);
}

/** The finisher has not come to its end: it works on the bucket again, and at no instant does nobody hold the lock. */
export async function resumeLoad(session: Queryable, bucket: string): Promise<void> {
  await session.query(`select pg_advisory_lock_shared(${BUCKET})`, [bucket]);
  await session.query(`select pg_advisory_unlock(${BUCKET})`, [bucket]);
}

/** The finisher is done. */
export async function leaveFinish(session: Queryable, bucket: string): Promise<void> {
  await release(session, BUCKET, bucket);
}

/** Whether any session, of any replica, works on the bucket, finishes it, or waits to do so. */
export async function isLoading(db: Queryable, bucket: string): Promise<boolean> {
  return (await lockedOf(db, BUCKET, [bucket])).has(bucket);
}

/**
 * Says that a load relies on this table's indexes being off; held on the load's session until its end.
 * @returns false while another process restores them, which may take hours
 */
export async function tryHoldIndexesOff(session: Queryable, table: ResourceTable): Promise<boolean> {
  return await got(session, `pg_try_advisory_lock_shared(${TABLE})`, nameOf(table));
}

/** Withdraws that, also where other loads rely on it. */
export async function leaveIndexesOff(session: Queryable, table: ResourceTable): Promise<void> {
  await releaseShared(session, TABLE, nameOf(table));
}

/**
 * Withdraws `tryHoldIndexesOff`, or, where no other load relies on it, gets the right to restore the table's indexes.
 * @returns whether this session has that right
 */
export async function leaveOrRestoreIndexes(session: Queryable, table: ResourceTable): Promise<boolean> {
  return await leaveOrTakeOver(session, TABLE, nameOf(table));
}

/** Gets the right to restore a table's indexes, unless a load needs them dropped or already restores them. */
export async function tryRestoreIndexes(session: Queryable, table: ResourceTable): Promise<boolean> {
  return await tryExclusive(session, TABLE, nameOf(table));
}

/** Gives that right back. */
export async function leaveRestore(session: Queryable, table: ResourceTable): Promise<void> {
  await release(session, TABLE, nameOf(table));
}

/** Says that a load relies on this table's primary key standing; held on the load's session until its end. */
export async function holdPrimaryKey(session: Queryable, table: ResourceTable): Promise<void> {
  await session.query(`select pg_advisory_lock_shared(${KEY})`, [nameOf(table)]);
}

/** The same until the end of a transaction. @returns false while the key is being dropped */
export async function tryHoldPrimaryKey(db: Queryable, table: ResourceTable): Promise<boolean> {
  return await got(db, `pg_try_advisory_xact_lock_shared(${KEY})`, nameOf(table));
}

/** Gets the right to drop a table's primary key until the end of the transaction, unless a load relies on the key. */
export async function tryDropPrimaryKey(db: Queryable, table: ResourceTable): Promise<boolean> {
  return await got(db, `pg_try_advisory_xact_lock(${KEY})`, nameOf(table));
}

/** Those of the tables whose indexes a load, of any bucket, needs dropped or is restoring. */
export async function tablesInUse(
  db: Queryable,
  tables: readonly ResourceTable[],
): Promise<(table: ResourceTable) => boolean> {
  const inUse = await lockedOf(db, TABLE, [...new Set(tables.map(nameOf))]);
  return (table) => inUse.has(nameOf(table));
}

/**
 * Of sessions that leave at the same time exactly one, the last, takes over, and at no instant do none of them hold
 * the lock: they take turns, and who is not the last lets go while another still holds it.
 */
async function leaveOrTakeOver(session: Queryable, key: string, name: string): Promise<boolean> {
  const turn = keyOf(`'leaving ' || ${key}`);
  await session.query(`select pg_advisory_lock(${turn})`, [name]);
  try {
    // One's own shared hold does not stand in one's way.
    if (await tryExclusive(session, key, name)) return true;
    await releaseShared(session, key, name);
    return false;
  } finally {
    await session.query(`select pg_advisory_unlock(${turn})`, [name]);
  }
}

async function tryExclusive(session: Queryable, key: string, name: string): Promise<boolean> {
  return await got(session, `pg_try_advisory_lock(${key})`, name);
}

/** @param lock a call of one of Postgres's functions that try to get a lock */
async function got(db: Queryable, lock: string, name: string): Promise<boolean> {
  const { rows } = await db.query<{ got: boolean }>(`select ${lock} as got`, [name]);
  return rows[0]?.got === true;
}

async function release(session: Queryable, key: string, name: string): Promise<void> {
  await releaseShared(session, key, name);
  await session.query(`select pg_advisory_unlock(${key})`, [name]);
}

/** Lets go of a shared hold if this session has one; Postgres's log would get a warning otherwise. */
async function releaseShared(session: Queryable, key: string, name: string): Promise<void> {
  await session.query(
    `select pg_advisory_unlock_shared(${key})
      where exists (select from pg_locks l where l.pid = pg_backend_pid() and l.mode = 'ShareLock' and ${isLockOn(key)})`,
    [name],
  );
}

async function lockedOf(db: Queryable, key: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ name: string }>(
    `select name from unnest($1::text[]) as name
      where exists (select from pg_locks l where ${isLockOn(key.replace('$1::text', 'name'))})`,
    [names],
  );
  return new Set(rows.map(({ name }) => name));
}

function isLockOn(key: string): string {
  return `l.locktype = 'advisory' and l.objsubid = 1
          and l.database = (select oid from pg_database where datname = current_database())
          and ((l.classid::bigint << 32) | l.objid::bigint) = ${key}`;
}
