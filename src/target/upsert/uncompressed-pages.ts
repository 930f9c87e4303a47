import type { Queryable } from '../../store/query.ts';

/**
 * For the rest of the transaction, full-page images go into the WAL as they are: where most rows of a table are rewritten, pglz takes as
 * much CPU time as all else of the write, for a third less WAL. Only where the server says that its WAL is compressed for small changes
 * (`embedded-postgres/cluster-settings.ts`); elsewhere its administrator has chosen.
 */
export async function writeUncompressedPages(db: Queryable): Promise<void> {
  await db.query(
    `select set_config('wal_compression', 'off', true)
      where current_setting('wal_compression') in ('on', 'pglz') and current_setting('is_superuser') = 'on'
        and current_setting('fhir_bucket_loader.wal_compression_of_small_changes', true) = 'on'`,
  );
}
