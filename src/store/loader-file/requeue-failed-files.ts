import { notifyLoads } from '../bucket-load/load-notice.ts';
import type { Queryable } from '../query.ts';

/**
 * Gives a bucket's failed files, within the prefixes (none means all), back to the queue.
 * @returns how many
 */
export async function requeueFailedFiles(db: Queryable, bucket: string, prefixes: readonly string[]): Promise<number> {
  const { rowCount } = await db.query(
    `update loaderfile l
        set resource = (l.resource - '{start,end,loaded,lines-left-out,message,error}'::text[]) || '{"status": "pending"}',
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
      where l.resource ->> 'bucket' = $1 and l.resource ->> 'status' = 'error'
        and (cardinality($2::text[]) = 0
             or exists (select from unnest($2::text[]) prefix where starts_with(l.resource ->> 'file', prefix)))`,
    [bucket, prefixes],
  );
  if (rowCount !== null && rowCount > 0) await notifyLoads(db, { topic: 'queued', name: bucket });
  return rowCount ?? 0;
}
