import type { NewLoaderFile } from '../store/loader-file/add-loader-files.ts';
import type { StoredFile } from '../store/loader-file/listed-files.ts';

/** A time that says its zone; a client, or another loader, may have written something else. */
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)$/;

/** Failures of an object that was not there: the one listed now was never read. A bucket that is gone is `NoSuchKey` too. */
const GONE = ['NoSuchKey', 'no-such-file'];

/**
 * Whether an object is to be loaded again for what it is now: it is another one than its LoaderFile tells of; or it failed, and was
 * gone then, or was written again since with the same bytes.
 */
export function isChanged(listed: NewLoaderFile, stored: StoredFile): boolean {
  if (isAnother(listed, stored)) return true;
  if (stored.status !== 'error') return false;
  return wasGone(stored) || isOtherTime(listed, stored);
}

/** Whether an object that is listed as its LoaderFile tells of it was gone when it was read. */
export function isMissing(listed: NewLoaderFile, stored: StoredFile): boolean {
  return wasGone(stored) && !isAnother(listed, stored) && !isOtherTime(listed, stored);
}

function wasGone({ errorCode }: StoredFile): boolean {
  return GONE.includes(errorCode ?? '');
}

/**
 * Whether an object is another one than its LoaderFile tells of: by its size and its ETag, or where one of the two has no ETag
 * by its time, an earlier one as well (an older version of the object may have become the current one). What only one of
 * them knows says nothing.
 */
function isAnother(listed: NewLoaderFile, stored: StoredFile): boolean {
  if (listed.size !== undefined && stored.size !== null && listed.size !== stored.size) return true;
  if (listed.etag !== undefined && stored.etag !== null) return plain(listed.etag) !== plain(stored.etag);
  return isOtherTime(listed, stored);
}

function isOtherTime(listed: NewLoaderFile, stored: StoredFile): boolean {
  if (listed.lastModified === undefined || stored.lastModified === null || !INSTANT.test(stored.lastModified))
    return false;
  return listed.lastModified.getTime() !== Date.parse(stored.lastModified);
}

/** LoaderFiles of other loaders may have an ETag without its quotes. */
function plain(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '');
}
