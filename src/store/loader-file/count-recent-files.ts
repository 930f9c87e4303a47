import type { Queryable } from '../query.ts';

/** How many files of a bucket have a status. */
export interface FileCount {
  bucket: string;
  status: string;
  files: number;
}

/** The files, by status, of the buckets that were called for within the last `days`. */
export async function countRecentFiles(db: Queryable, days: number): Promise<FileCount[]> {
  const { rows } = await db.query<FileCount>(
    `select b.bucket, coalesce(l.resource ->> 'status', 'pending') as status, count(*)::int as files
       from fhir_bucket_loader.bucket_load b join loaderfile l on l.resource ->> 'bucket' = b.bucket
      where b.called_at > current_timestamp - $1 * interval '1 day'
      group by 1, 2`,
    [days],
  );
  return rows;
}
