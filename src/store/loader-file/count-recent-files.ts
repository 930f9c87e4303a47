import type { Queryable } from '../query.ts';
import { QUEUE } from './queue.ts';

/** How many files of a bucket have a status. */
export interface FileCount {
  bucket: string;
  status: string;
  files: number;
  /** Of the objects, as stored. */
  bytes: number;
  /** When the last of them ended, in seconds since 1970; null before one has. */
  lastEnd: number | null;
}

/** The files, by status, of the buckets that were called for within the last `days`. */
export async function countRecentFiles(db: Queryable, days: number): Promise<FileCount[]> {
  const { rows } = await db.query<FileCount>(
    `select b.bucket, coalesce(l.resource ->> 'status', 'pending') as status, count(*)::int as files,
            coalesce(sum((l.resource ->> 'size')::numeric), 0)::float8 as bytes,
            extract(epoch from max((l.resource ->> 'end')::timestamptz))::float8 as "lastEnd"
       from fhir_bucket_loader.bucket_load b join loaderfile l on l.resource ->> 'bucket' = b.bucket
      where b.queue = ${QUEUE} and b.called_at > current_timestamp - $1 * interval '1 day'
      group by 1, 2`,
    [days],
  );
  return rows;
}
