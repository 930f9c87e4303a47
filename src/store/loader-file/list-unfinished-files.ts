import type { Queryable } from '../query.ts';

/** A file that waits in the queue, with what the order of work depends on. */
export interface QueuedFile {
  id: string;
  key: string;
  type: string;
  /** Size in bytes. */
  size: number;
  /** ISO 8601, UTC; empty when nobody wrote it down. */
  lastModified: string;
}

/**
 * The bucket's files that are not finished, within the prefixes (none means all).
 * A file that somebody loads right now is among them: the claim passes over it.
 */
export async function listUnfinishedFiles(
  db: Queryable,
  bucket: string,
  prefixes: readonly string[],
): Promise<QueuedFile[]> {
  const { rows } = await db.query<QueuedFile>(
    `select l.id, l.resource ->> 'file' as key, coalesce(l.resource ->> 'type', '') as type,
            coalesce((l.resource ->> 'size')::float8, 0) as size,
            coalesce(l.resource ->> 'last-modified', '') as "lastModified"
       from loaderfile l
      where l.resource ->> 'bucket' = $1 and l.resource ->> 'status' in ('pending', 'in-progress')
        and l.resource ->> 'file' is not null
        and (cardinality($2::text[]) = 0
             or exists (select from unnest($2::text[]) prefix where starts_with(l.resource ->> 'file', prefix)))`,
    [bucket, prefixes],
  );
  return rows;
}
