import type pg from 'pg';
import { SQLSTATE, sqlstateOf } from '../errors/sqlstate.ts';
import { boundLockWaits } from './lock-waits.ts';
import { inTransaction, type Queryable } from './query.ts';
import { listResourceTables } from './resource-tables.ts';

/** What `upsert?` remembers of rows that it has compared; `migrations/017.do.fingerprint.sql` says what is in it. */
export const FINGERPRINTS = 'fhir_bucket_loader.fingerprint';

/**
 * Whether this session may read and write them, in SQL; false also where the table is gone. A list of privileges would be true for any
 * one of them.
 */
export const MAY_USE_FINGERPRINTS = `exists (select from pg_class
   where oid = to_regclass('${FINGERPRINTS}') and relkind = 'r' and not row_security_active(oid)
     and has_table_privilege(oid, 'select') and has_table_privilege(oid, 'insert'))`;

/** Any numbers that nobody else locks: the turn of the one who clears up, and of the one who marks the table. */
const SWEEP_LOCK = '3960418277530442';
const MARK_LOCK = '3960418277530443';

/** Once this has passed, a load does without fingerprints. */
const MARK_WAIT_MS = 2_000;

/** The hash of a row that is no fingerprint: the mark of the table. */
const MARK = `'00000000-0000-0000-0000-000000000000'`;

/**
 * What tells this table's fingerprints from those that a dump has brought here, a text in SQL; null where there is none. It is a row with a
 * random place, valid where the transaction that it names has written it: a restore writes it anew, under another one. Clusters made from one
 * image, and the same dump, give their tables the same numbers, and rows the same places and transactions, so that nothing else differs.
 */
export const MARK_OF_FINGERPRINTS = `(select place::text from ${FINGERPRINTS} where hash = ${MARK} and xmin = version order by place limit 1)`;

/** Marks the table where it has no valid mark: it is new, was emptied, or came with a dump. For a load, before it begins. */
export async function markFingerprints(pool: pg.Pool): Promise<void> {
  try {
    await inTransaction(pool, async (client) => {
      await boundLockWaits(client, MARK_WAIT_MS);
      if (!(await mayMark(client)) || (await isMarked(client))) return;
      await client.query('select pg_advisory_xact_lock($1)', [MARK_LOCK]);
      if (await isMarked(client)) return;
      await client.query(
        `insert into ${FINGERPRINTS} (hash, place, version, file)
         select ${MARK}, format('(%s,%s)', floor(random() * 4294967295)::bigint, 1 + floor(random() * 65534)::int)::tid,
                pg_current_xact_id()::xid, 0`,
      );
    });
  } catch (error) {
    if (sqlstateOf(error) !== SQLSTATE.lockNotAvailable) throw error;
  }
}

async function mayMark(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ may: boolean }>(`select ${MAY_USE_FINGERPRINTS} as may`);
  return rows[0]?.may === true;
}

async function isMarked(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ mark: string | null }>(`select ${MARK_OF_FINGERPRINTS} as mark`);
  return typeof rows[0]?.mark === 'string';
}

/** Bytes of one in the table; fewer are never cleared up. */
const ROW_BYTES = 60;
const TOLERATED = 100_000;

/**
 * Deletes fingerprints of rows that have changed or are gone, once there may be twice as many as resources. In a transaction.
 * @returns how many were deleted
 */
export async function sweepFingerprints(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ most: number; resources: number }>(
    `select pg_relation_size(to_regclass('${FINGERPRINTS}')) / ${ROW_BYTES}::float8 as most,
            (select coalesce(sum(greatest(reltuples, 0)), 0)::float8 from pg_class
              where oid = any (select to_regclass(quote_ident(name)) from unnest($1::text[]) as name)) as resources
      where to_regclass('${FINGERPRINTS}') is not null and has_table_privilege(to_regclass('${FINGERPRINTS}'), 'delete')`,
    [await listResourceTables(db)],
  );
  const [size] = rows;
  if (size === undefined) return 0;
  const limit = 2 * size.resources + TOLERATED;
  // The file's size has room that vacuum has freed.
  if (size.most <= limit || (await countOf(db)) <= limit) return 0;
  const turn = await db.query<{ mine: boolean }>('select pg_try_advisory_xact_lock($1) as mine', [SWEEP_LOCK]);
  if (turn.rows[0]?.mine !== true) return 0;
  const files = await db.query<{ file: string; table: string | null }>(
    `select file::text, (select oid::regclass::text from pg_class where relfilenode = file and relkind = 'r' limit 1) as table
       from ${FINGERPRINTS} where hash <> ${MARK} group by file`,
  );
  let deleted = 0;
  for (const { file, table } of files.rows) {
    const isStored =
      table === null ? 'false' : `exists (select from ${table} t where t.ctid = f.place and t.xmin = f.version)`;
    const { rowCount } = await db.query(
      `delete from ${FINGERPRINTS} f where file = $1 and hash <> ${MARK} and not ${isStored}`,
      [file],
    );
    deleted += rowCount ?? 0;
  }
  return deleted;
}

async function countOf(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ rows: number }>(`select count(*)::float8 as rows from ${FINGERPRINTS}`);
  return rows[0]?.rows ?? 0;
}
