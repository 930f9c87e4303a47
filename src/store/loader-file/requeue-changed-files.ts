import { notifyLoads } from '../bucket-load/load-notice.ts';
import type { Queryable } from '../query.ts';
import type { NewLoaderFile } from './add-loader-files.ts';
import type { StoredFile } from './listed-files.ts';
import { DECIDED } from './queue.ts';
import { RESULT_MEMBERS } from './stored-rows.ts';

/** A finished file whose object is another one by now. */
export interface ChangedFile extends NewLoaderFile {
  stored: StoredFile;
}

/**
 * Queues finished files again, for the objects that are there now; those whose LoaderFile has changed since it was read are
 * left alone. What was loaded of a file last, which is in its table, stays under `previous`.
 * @returns how many were queued
 */
export async function requeueChangedFiles(
  db: Queryable,
  bucket: string,
  files: readonly ChangedFile[],
): Promise<number> {
  if (files.length === 0) return 0;
  // `any` has Postgres read them by id; by the join alone it reads a table of up to 30,000 files whole for each page of a listing.
  const { rowCount } = await db.query(
    `update loaderfile l
        set resource = (l.resource - 'start' - ${RESULT_MEMBERS} - '{etag,size,last-modified,previous}'::text[])
                       || jsonb_strip_nulls(jsonb_build_object(
                            'status', 'pending', 'size', changed.size, 'etag', changed.etag, 'last-modified', changed.modified,
                            'previous', case when l.resource ->> 'status' = 'done'
                                             then l.resource - '{bucket,file,type,previous}'::text[]
                                             else l.resource -> 'previous' end)),
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) as changed(id, txid, size, etag, modified)
      where l.id = changed.id and l.id = any ($1) and l.txid = changed.txid and not ${DECIDED}`,
    [
      files.map(({ stored }) => stored.id),
      files.map(({ stored }) => stored.txid),
      files.map(({ size }) => size ?? null),
      files.map(({ etag }) => etag ?? null),
      files.map(({ lastModified }) => lastModified?.toISOString() ?? null),
    ],
  );
  const queued = rowCount ?? 0;
  if (queued > 0) await notifyLoads(db, { topic: 'queued', name: bucket });
  return queued;
}
