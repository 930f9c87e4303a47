import { notifyLoads } from '../bucket-load/load-notice.ts';
import type { Queryable } from '../query.ts';
import { RESULT_MEMBERS } from './stored-rows.ts';

/** Which failed files are meant; each list that is empty means all. */
export interface FailedFilesChoice {
  /** Keys start with one of these. */
  prefixes: readonly string[];
  /** Keys are these. */
  files: readonly string[];
  /** Their error codes are these. */
  codes: readonly string[];
}

/**
 * Gives a bucket's failed files, those chosen, back to the queue.
 * @returns how many
 */
export async function requeueFailedFiles(
  db: Queryable,
  bucket: string,
  { prefixes, files, codes }: FailedFilesChoice,
): Promise<number> {
  const { rowCount } = await db.query(
    `update loaderfile l
        set resource = (l.resource - 'start' - ${RESULT_MEMBERS}) || '{"status": "pending"}',
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
      where l.resource ->> 'bucket' = $1 and l.resource ->> 'status' = 'error'
        and (cardinality($2::text[]) = 0
             or exists (select from unnest($2::text[]) prefix where starts_with(l.resource ->> 'file', prefix)))
        and (cardinality($3::text[]) = 0 or l.resource ->> 'file' = any ($3::text[]))
        and (cardinality($4::text[]) = 0 or l.resource #>> '{error,code}' = any ($4::text[]))`,
    [bucket, prefixes, files, codes],
  );
  if (rowCount !== null && rowCount > 0) await notifyLoads(db, { topic: 'queued', name: bucket });
  return rowCount ?? 0;
}
