import type { Queryable } from './query.ts';

/**
 * The key of an advisory lock: the 64-bit hash of a name. A session that needs a thing to stay as it is holds its lock
 * shared, on a session of its own; Postgres lets go of it when that session ends, however it ends. Who holds it
 * exclusively is the last one out and does what is to be done at the end.
 * @param name SQL in which `$1` is what the lock is on
 */
export function lockKey(name: string): string {
  return `hashtextextended('fhir-bucket-loader ' || ${name}, 0)`;
}

/**
 * Of sessions that leave at the same time exactly one, the last, takes over, and at no instant do none of them hold
 * the lock: they take turns, and who is not the last lets go while another still holds it.
 */
export async function leaveOrTakeOver(session: Queryable, key: string, name: string): Promise<boolean> {
  const turn = lockKey(`'leaving ' || ${key}`);
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

/** Takes the lock for this session alone, if no other session holds it. @param key SQL of the lock's key, of its name `$1::text` */
export async function tryExclusive(session: Queryable, key: string, name: string): Promise<boolean> {
  return await got(session, `pg_try_advisory_lock(${key})`, name);
}

/** @param lock a call of one of Postgres's functions that try to get a lock */
export async function got(db: Queryable, lock: string, name: string): Promise<boolean> {
  const { rows } = await db.query<{ got: boolean }>(`select ${lock} as got`, [name]);
  return rows[0]?.got === true;
}

/** Lets go of the lock, held exclusively, and of a shared hold too if this session has one. */
export async function release(session: Queryable, key: string, name: string): Promise<void> {
  await releaseShared(session, key, name);
  await session.query(`select pg_advisory_unlock(${key})`, [name]);
}

/** Lets go of a shared hold if this session has one; Postgres's log would get a warning otherwise. */
export async function releaseShared(session: Queryable, key: string, name: string): Promise<void> {
  await session.query(
    `select pg_advisory_unlock_shared(${key})
      where exists (select from pg_locks l where l.pid = pg_backend_pid() and l.mode = 'ShareLock' and ${isLockOn(key)})`,
    [name],
  );
}

/** Those of the names whose lock some session holds. */
export async function lockedOf(db: Queryable, key: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ name: string }>(
    `select name from unnest($1::text[]) as name
      where exists (select from pg_locks l where ${isLockOn(key.replace('$1::text', 'name'))})`,
    [names],
  );
  return new Set(rows.map(({ name }) => name));
}

/** The process id of a backend that holds the lock. */
export async function findHolder(db: Queryable, key: string, name: string): Promise<number | undefined> {
  const { rows } = await db.query<{ pid: number }>(
    `select l.pid from pg_locks l where l.granted and ${isLockOn(key)} limit 1`,
    [name],
  );
  return rows[0]?.pid;
}

function isLockOn(key: string): string {
  return `l.locktype = 'advisory' and l.objsubid = 1
          and l.database = (select oid from pg_database where datname = current_database())
          and ((l.classid::bigint << 32) | l.objid::bigint) = ${key}`;
}
