import type { NewLoaderFile } from '../../store/loader-file/add-loader-files.ts';
import { findListedFiles, listForeignFiles } from '../../store/loader-file/listed-files.ts';
import { UNFINISHED } from '../../store/loader-file/loader-file.ts';
import type { Queryable } from '../../store/query.ts';
import type { FileListing } from '../list-files.ts';

/** A listed file and what a call would find of it. */
export interface SortedFile extends NewLoaderFile {
  /** Its place in the listing, from 0: the same in every pass. */
  number: number;
  /** `new`, or the status of its LoaderFile. */
  standing: string;
}

/** Goes through a listing page by page, and says of each file whether it has a LoaderFile, and how that one stands. */
export async function* sortListing(db: Queryable, bucket: string, listing: FileListing): AsyncGenerator<SortedFile[]> {
  const foreign = await listForeignFiles(db, bucket);
  let number = 0;
  for (const page of listing.files()) {
    const keys = page.map(({ key }) => key);
    const own = await findListedFiles(db, bucket, keys);
    yield page.map((file) => {
      const stored = foreign.get(file.key) ?? own.get(file.key);
      return { ...file, number: number++, standing: stored?.status ?? 'new' };
    });
  }
}

/** Whether a call would load the file. */
export function isToLoad({ standing }: SortedFile): boolean {
  return standing === 'new' || UNFINISHED.includes(standing);
}
