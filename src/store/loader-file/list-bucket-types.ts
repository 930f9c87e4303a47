import type { Queryable } from '../query.ts';

/** The resource types of a bucket's files, of any status. */
export async function listBucketTypes(db: Queryable, bucket: string): Promise<string[]> {
  const { rows } = await db.query<{ type: string }>(
    `select distinct resource ->> 'type' as type from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'type' is not null order by 1`,
    [bucket],
  );
  return rows.map((row) => row.type);
}
