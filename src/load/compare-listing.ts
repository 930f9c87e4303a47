import type { NewLoaderFile } from '../store/loader-file/add-loader-files.ts';
import { findListedFiles, listForeignFiles, type StoredFile } from '../store/loader-file/listed-files.ts';
import { UNFINISHED } from '../store/loader-file/loader-file.ts';
import type { Queryable } from '../store/query.ts';
import { isChanged } from './changed-object.ts';
import type { FileListing } from './list-files.ts';

/** A listed file, and what its LoaderFile says of it. */
export interface ComparedFile extends NewLoaderFile {
  /** Its place in the listing, from 0: the same in every pass. */
  number: number;
  /** `new`; `changed`, if that was asked for; else the status of its LoaderFile. */
  standing: string;
  /** Whether it is finished, and its object is to be loaded again where that is asked for (`isChanged`). */
  isChanged: boolean;
  stored: StoredFile | undefined;
}

export interface CompareOptions {
  /** Whether finished files whose objects have changed are `changed`. */
  reloadChanged: boolean;
}

/**
 * Goes through a listing page by page, and says of each file whether it has a LoaderFile, and how that one stands. Those that somebody
 * else wrote count for objects without one of the loader's own; where each has one, they are not looked for.
 */
export async function* compareListing(
  db: Queryable,
  bucket: string,
  listing: FileListing,
  { reloadChanged }: CompareOptions,
): AsyncGenerator<ComparedFile[]> {
  // Reads all LoaderFiles of the bucket: of 60,000 it takes longer than all look-ups by id.
  let foreign: ReadonlyMap<string, StoredFile> | undefined;
  let number = 0;
  for (const page of listing.files()) {
    const keys = page.map(({ key }) => key);
    const own = await findListedFiles(db, bucket, keys);
    if (keys.some((key) => !own.has(key))) foreign ??= await listForeignFiles(db, bucket);
    yield page.map((file) => {
      const stored = own.get(file.key) ?? foreign?.get(file.key);
      const changed = stored !== undefined && COMPARED.includes(stored.status) && isChanged(file, stored);
      const standing = reloadChanged && changed ? 'changed' : (stored?.status ?? 'new');
      return { ...file, number: number++, stored, isChanged: changed, standing };
    });
  }
}

/** Whether a call would load the file. */
export function isToLoad({ standing }: ComparedFile): boolean {
  return standing === 'new' || standing === 'changed' || UNFINISHED.includes(standing);
}

/** Whether a call leaves the file as it was loaded though its object has changed since. A failed one is told as failed. */
export function isPassedOver({ isChanged, standing }: ComparedFile): boolean {
  return isChanged && standing === 'done';
}

/** A failed file whose object has changed is tried again, as a loaded one is: it may have been mended. */
const COMPARED = ['done', 'error'];
