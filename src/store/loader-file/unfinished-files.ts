import { once } from 'node:events';
import pg from 'pg';
import { onSession } from '../query.ts';
import { FileList } from './file-list.ts';
import { PackedFiles } from './packed-files.ts';
import type { QueuedFile } from './queue.ts';

/**
 * The bucket's files that are not finished, within the prefixes (none means all).
 * A file that somebody loads right now is among them: the claim passes over it.
 */
export async function listUnfinishedFiles(
  pool: pg.Pool,
  bucket: string,
  prefixes: readonly string[],
): Promise<FileList> {
  const files = new PackedFiles();
  // Row by row: of a hundred thousand files, all rows together would take 30 MB before the first is packed.
  const query = new pg.Query<QueuedFile>(
    `select l.resource ->> 'file' as key, l.id, coalesce(l.resource ->> 'type', '') as type,
            coalesce((l.resource ->> 'size')::float8, 0) as size, l.resource ->> 'etag' as etag,
            coalesce(l.resource ->> 'last-modified', '') as "lastModified"
       from loaderfile l
      where l.resource ->> 'bucket' = $1 and l.resource ->> 'status' in ('pending', 'in-progress')
        and l.resource ->> 'file' is not null
        and (cardinality($2::text[]) = 0
             or exists (select from unnest($2::text[]) prefix where starts_with(l.resource ->> 'file', prefix)))`,
    [bucket, prefixes],
  );
  query.on('row', (file) => files.add(file));
  await onSession(pool, async (session) => {
    const ended = once(query, 'end');
    session.query(query);
    await ended;
  });
  return FileList.all(files);
}
