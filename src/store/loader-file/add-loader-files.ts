import { checkAllStored } from '../../errors/rows-kept-out.ts';
import { notifyLoads } from '../bucket-load/load-notice.ts';
import type { Queryable } from '../query.ts';
import { LOADER_FILE_ID_PATTERN, loaderFileId } from './loader-file.ts';

/** An object to queue. */
export interface NewLoaderFile {
  key: string;
  type: string;
  /** Size in bytes. This and the next are absent where the store does not list them. */
  size?: number | undefined;
  etag?: string | undefined;
  lastModified?: Date | undefined;
}

/**
 * Queues objects that have no LoaderFile yet, whatever the status of those that have one, and brings size and ETag of
 * files still `pending` up to date with the listing, unless another call has listed a newer object meanwhile.
 * @returns how many files were added
 * @throws RowsKeptOut when the table took fewer
 */
export async function addLoaderFiles(db: Queryable, bucket: string, files: readonly NewLoaderFile[]): Promise<number> {
  if (files.length === 0) return 0;
  const values = listedValues(bucket, files);
  // Those that are there are left out first: "on conflict" waits for a transaction that has changed such a row and not committed.
  const inserted = await db.query<{ id: string }>(
    `insert into loaderfile (id, txid, resource_type, status, resource)
     select listed.id, nextval('transaction_id_seq'), 'LoaderFile', 'created',
            jsonb_strip_nulls(jsonb_build_object(
              'bucket', $1::text, 'file', listed.file, 'type', listed.type, 'size', listed.size,
              'status', 'pending', 'etag', listed.etag, 'last-modified', listed.modified))
       from ${LISTED}
      where not exists (select from loaderfile l where l.id = listed.id)
     on conflict (id) do nothing
     returning id`,
    values,
  );
  const added = new Set(inserted.rows.map(({ id }) => id));
  const { rows } = await db.query<{ queued: number }>(
    'select count(*)::int as queued from loaderfile where id = any ($1::text[])',
    [values[1]],
  );
  checkAllStored(rows[0]?.queued, new Set(files.map(({ key }) => key)).size, 'loaderfile');
  const known = files.filter(({ key }) => !added.has(loaderFileId(bucket, key)));
  if (known.length > 0) await updatePendingFiles(db, bucket, known);
  if (added.size > 0) await notifyLoads(db, { topic: 'queued', name: bucket });
  return added.size;
}

async function updatePendingFiles(db: Queryable, bucket: string, files: readonly NewLoaderFile[]): Promise<void> {
  // Only pending ones: a row that is being loaded is locked, and must not be waited for. `any` and `coalesce` have Postgres read
  // them by id: of a table that it has no statistics of it expects few to be pending in the bucket, and would otherwise
  // read all of these for each page of a listing.
  await db.query(
    `update loaderfile l
        set resource = (l.resource - '{size,etag,last-modified}'::text[])
                       || jsonb_strip_nulls(jsonb_build_object('size', listed.size, 'etag', listed.etag,
                                                               'last-modified', listed.modified)),
            txid = nextval('transaction_id_seq'), ts = current_timestamp, status = 'updated'
       from ${LISTED}
      where l.id = listed.id and l.id = any ($2) and coalesce(l.resource ->> 'bucket', '') = $1 and coalesce(l.resource ->> 'status', '') = 'pending'
        and ((l.resource ->> 'etag', (l.resource ->> 'size')::float8) is distinct from (listed.etag, listed.size::float8)
             or (listed.etag is null and l.resource ->> 'last-modified' is distinct from listed.modified))
        and coalesce(l.resource ->> 'last-modified', '') <= coalesce(listed.modified, '')`,
    listedValues(bucket, files),
  );
}

/** Files as rows, of the values of `listedValues`. */
const LISTED = `unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])
                  as listed(id, file, type, size, etag, modified)`;

function listedValues(bucket: string, files: readonly NewLoaderFile[]): [string, ...unknown[]] {
  return [
    bucket,
    files.map((file) => loaderFileId(bucket, file.key)),
    files.map((file) => file.key),
    files.map((file) => file.type),
    files.map((file) => file.size ?? null),
    files.map((file) => file.etag ?? null),
    files.map((file) => file.lastModified?.toISOString() ?? null),
  ];
}

/**
 * The object keys of a bucket whose LoaderFile was written by somebody else (Aidbox gives ids of its own), so that
 * the primary key does not keep them from being added again.
 */
export async function listForeignKeys(db: Queryable, bucket: string): Promise<Set<string>> {
  const { rows } = await db.query<{ file: string }>(
    `select resource ->> 'file' as file from loaderfile
      where resource ->> 'bucket' = $1 and id !~ $2 and resource ->> 'file' is not null`,
    [bucket, LOADER_FILE_ID_PATTERN],
  );
  return new Set(rows.map((row) => row.file));
}
