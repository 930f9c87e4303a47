import { addLoaderFiles, listForeignKeys } from '../store/loader-file/add-loader-files.ts';
import type { Queryable } from '../store/query.ts';
import type { FileListing } from './list-files.ts';

/**
 * Queues every file of a listing that has no LoaderFile yet. To be called in a transaction, so that all of them are
 * queued or none.
 * @returns how many were added
 */
export async function queueFiles(db: Queryable, bucket: string, listing: FileListing): Promise<number> {
  const foreign = await listForeignKeys(db, bucket);
  let added = 0;
  for (const page of listing.files()) {
    added += await addLoaderFiles(
      db,
      bucket,
      page.filter(({ key }) => !foreign.has(key)),
    );
  }
  return added;
}
