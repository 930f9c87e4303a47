import type { Queryable } from '../query.ts';
import { LOADER_FILE_ID_PATTERN } from './loader-file.ts';

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
