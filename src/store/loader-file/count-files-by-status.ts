import type { Queryable } from '../query.ts';

/** How many files there are of any status. */
export function totalOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** How many LoaderFiles of a bucket have each status that occurs. */
export async function countFilesByStatus(db: Queryable, bucket: string): Promise<Record<string, number>> {
  const { rows } = await db.query<{ status: string; files: number }>(
    `select coalesce(resource ->> 'status', 'pending') as status, count(*)::int as files
       from loaderfile where resource ->> 'bucket' = $1 group by 1`,
    [bucket],
  );
  return Object.fromEntries(rows.map(({ status, files }) => [status, files]));
}
