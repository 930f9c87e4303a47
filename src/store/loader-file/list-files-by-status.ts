import type { Queryable } from '../query.ts';
import { type LoaderFile, loaderFileSchema } from './loader-file.ts';

/** The first files of a bucket with this status, by key, at most `limit`. */
export async function listFilesByStatus(
  db: Queryable,
  bucket: string,
  status: string,
  limit: number,
): Promise<(LoaderFile & { id: string })[]> {
  const { rows } = await db.query<{ id: string; resource: unknown }>(
    `select id, resource from loaderfile
      where resource ->> 'bucket' = $1 and resource ->> 'status' = $2 order by resource ->> 'file' limit $3`,
    [bucket, status, limit],
  );
  return rows.map(({ id, resource }) => ({ ...loaderFileSchema.parse(resource), id }));
}
