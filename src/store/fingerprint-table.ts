import type { Queryable } from './query.ts';
import { listResourceTables } from './resource-tables.ts';

/** What `upsert?` remembers of rows that it has compared; `migrations/017.do.fingerprint.sql` says what is in it. */
export const FINGERPRINTS = 'fhir_bucket_loader.fingerprint';

/** Any number that nobody else locks: the turn of the one who clears up. */
const SWEEP_LOCK = '3960418277530442';

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
       from ${FINGERPRINTS} group by file`,
  );
  let deleted = 0;
  for (const { file, table } of files.rows) {
    const isStored =
      table === null ? 'false' : `exists (select from ${table} t where t.ctid = f.place and t.xmin = f.version)`;
    const { rowCount } = await db.query(`delete from ${FINGERPRINTS} f where file = $1 and not ${isStored}`, [file]);
    deleted += rowCount ?? 0;
  }
  return deleted;
}

async function countOf(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ rows: number }>(`select count(*)::float8 as rows from ${FINGERPRINTS}`);
  return rows[0]?.rows ?? 0;
}
