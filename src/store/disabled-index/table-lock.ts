import type pg from 'pg';
import { got, leaveOrTakeOver, lockedOf, lockKey, release, releaseShared, tryExclusive } from '../advisory-lock.ts';
import type { Queryable } from '../query.ts';
import { type ResourceTable, resolvedTable } from '../resource-tables.ts';
import type { Statement } from '../statement.ts';

/** "A load relies on this table's indexes being off." */
const TABLE = lockKey(`'indexes of ' || $1::text`);

/** "A load relies on this table's primary key standing." */
const KEY = keyLock('$1::text');

/** @param name SQL of what the locks call a table */
function keyLock(name: string): string {
  return lockKey(`'key of ' || ${name}`);
}

/** What the locks call a table. */
function nameOf({ schema, name }: ResourceTable): string {
  return `${schema} ${name}`;
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

/** The table that a type's name means, and whether `tryHoldPrimaryKey` of it succeeds; undefined where there is none. */
export function holdKeyStatement(resourceType: string): Statement<{ table: ResourceTable; held: boolean } | undefined> {
  const { text, values } = resolvedTable(resourceType);
  return {
    text: `select schema, name, pg_try_advisory_xact_lock_shared(${keyLock(`schema::text || ' ' || name::text`)}) as held
       from (${text}) as resolved`,
    ...(values === undefined ? {} : { values }),
    read: ({ rows: [row] }: pg.QueryResult<ResourceTable & { held: boolean }>) =>
      row && { table: { schema: row.schema, name: row.name }, held: row.held },
  };
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
