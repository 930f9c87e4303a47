import type { Queryable } from '../query.ts';

/** The files of one type and status of a bucket. */
export interface FileSummary {
  type: string;
  status: string;
  files: number;
  /** Size of the objects, in bytes. */
  bytes: number;
  /** Resources loaded. */
  loaded: number;
}

/** The bucket's files by type and status, and when the first of them was begun. */
export async function summarizeFiles(db: Queryable, bucket: string): Promise<FileSummary[]> {
  const { rows } = await db.query<FileSummary>(
    `select coalesce(resource ->> 'type', '') as type, coalesce(resource ->> 'status', 'pending') as status,
            count(*)::int as files, coalesce(sum((resource ->> 'size')::float8), 0) as bytes,
            coalesce(sum((resource ->> 'loaded')::float8), 0) as loaded
       from loaderfile where resource ->> 'bucket' = $1
      group by 1, 2 order by 1, 2`,
    [bucket],
  );
  return rows;
}
