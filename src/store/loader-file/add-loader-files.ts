import { checkAllStored } from '../../errors/rows-kept-out.ts';
import { notifyLoads } from '../bucket-load/load-notice.ts';
import type { Queryable } from '../query.ts';
import { findListedFiles, type StoredFile } from './listed-files.ts';
import { idArray, loaderFileId } from './loader-file.ts';

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
 * @param stored what was found of them, by key, with what others have written; where it is not given, the loader's own are looked up
 * @returns how many files were added
 * @throws RowsKeptOut when the table took fewer
 */
export async function addLoaderFiles(
  db: Queryable,
  bucket: string,
  files: readonly NewLoaderFile[],
  stored?: ReadonlyMap<string, Pick<StoredFile, 'id' | 'status'>>,
): Promise<number> {
  if (files.length === 0) return 0;
  const keys = files.map(({ key }) => key);
  const known = stored ?? (await findListedFiles(db, bucket, keys));
  const missing = new Map<string, NewLoaderFile>();
  const pending = new Map<string, NewLoaderFile>();
  for (const file of files) {
    const id = loaderFileId(bucket, file.key);
    const { id: storedId, status } = known.get(file.key) ?? {};
    if (storedId === undefined) missing.set(id, file);
    else if (storedId === id && status === 'pending') pending.set(id, file);
  }
  const added = await insertFiles(db, bucket, missing);
  // Another transaction has added them meanwhile.
  for (const [id, file] of missing) if (!added.has(id)) pending.set(id, file);
  await updatePendingFiles(db, bucket, pending);
  if (added.size > 0) await notifyLoads(db, { topic: 'queued', name: bucket });
  return added.size;
}

/** @returns the ids of those that were not there */
async function insertFiles(db: Queryable, bucket: string, files: ListedFiles): Promise<Set<string>> {
  if (files.size === 0) return new Set();
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
    [bucket, listedJson(files)],
  );
  const { rows } = await db.query<{ queued: number }>(
    'select count(*)::int as queued from loaderfile where id = any ($1::text[])',
    [idArray([...files.keys()])],
  );
  checkAllStored(rows[0]?.queued, files.size, 'loaderfile');
  return new Set(inserted.rows.map(({ id }) => id));
}

async function updatePendingFiles(db: Queryable, bucket: string, files: ListedFiles): Promise<void> {
  if (files.size === 0) return;
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
      where l.id = listed.id and l.id = any ($3::text[]) and coalesce(l.resource ->> 'bucket', '') = $1 and coalesce(l.resource ->> 'status', '') = 'pending'
        and ((l.resource ->> 'etag', (l.resource ->> 'size')::float8) is distinct from (listed.etag, listed.size::float8)
             or (listed.etag is null and l.resource ->> 'last-modified' is distinct from listed.modified))
        and coalesce(l.resource ->> 'last-modified', '') <= coalesce(listed.modified, '')`,
    [bucket, listedJson(files), idArray([...files.keys()])],
  );
}

/** By LoaderFile id. */
type ListedFiles = ReadonlyMap<string, NewLoaderFile>;

/** Files as rows, of what `listedJson` gives. */
const LISTED = `json_to_recordset($2::json) as listed(id text, file text, type text, size bigint, etag text, modified text)`;

/** As JSON: pg makes arrays of texts in 2 kB of garbage a file. */
function listedJson(files: ListedFiles): string {
  return JSON.stringify(
    [...files].map(([id, { key: file, type, size, etag, lastModified: modified }]) => {
      return { id, file, type, size, etag, modified };
    }),
  );
}
