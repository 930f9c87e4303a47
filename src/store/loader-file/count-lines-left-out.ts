import type { Queryable } from '../query.ts';

/** How many bad lines were left out of a bucket's files. */
export async function countLinesLeftOut(db: Queryable, bucket: string): Promise<number> {
  const { rows } = await db.query<{ lines: number }>(
    `select coalesce(sum((resource ->> 'lines-left-out')::bigint), 0)::float8 as lines
       from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'status' = 'done' and resource ? 'lines-left-out'`,
    [bucket],
  );
  return rows[0]?.lines ?? 0;
}
