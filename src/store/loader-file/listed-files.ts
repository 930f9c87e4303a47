import type { Queryable } from '../query.ts';
import { idArray, LOADER_FILE_ID_PATTERN, loaderFileId } from './loader-file.ts';

/** What the LoaderFile of an object says. */
export interface StoredFile {
  /** Of the LoaderFile. */
  id: string;
  key: string;
  status: string;
  /** Of the object whose rows it tells of. Null where nobody wrote it down. */
  size: number | null;
  etag: string | null;
  lastModified: string | null;
  /** Why it failed; null where it did not. */
  errorCode: string | null;
  /** Of the last change of the LoaderFile. */
  txid: string;
}

const COLUMNS = `l.id, l.resource ->> 'file' as key, coalesce(l.resource ->> 'status', 'pending') as status,
  (l.resource ->> 'size')::float8 as size, l.resource ->> 'etag' as etag, l.resource ->> 'last-modified' as "lastModified",
  case when l.resource ->> 'status' = 'error' then l.resource #>> '{error,code}' end as "errorCode",
  l.txid`;

/** The LoaderFiles of these objects, by key; those that somebody else wrote are not among them. */
export async function findListedFiles(
  db: Queryable,
  bucket: string,
  keys: readonly string[],
): Promise<Map<string, StoredFile>> {
  const { rows } = await db.query<StoredFile>(`select ${COLUMNS} from loaderfile l where l.id = any ($1::text[])`, [
    idArray(keys.map((key) => loaderFileId(bucket, key))),
  ]);
  return new Map(rows.map((row) => [row.key, row]));
}

/** The bucket's LoaderFiles that somebody else wrote, Aidbox for instance, whose ids say nothing of the object; by key. */
export async function listForeignFiles(db: Queryable, bucket: string): Promise<Map<string, StoredFile>> {
  const { rows } = await db.query<StoredFile>(
    `select ${COLUMNS} from loaderfile l
      where l.resource ->> 'bucket' = $1 and l.id !~ $2 and l.resource ->> 'file' is not null`,
    [bucket, LOADER_FILE_ID_PATTERN],
  );
  return new Map(rows.map((row) => [row.key, row]));
}
