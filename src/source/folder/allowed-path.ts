import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FolderError, toFolderError } from './folder-error.ts';

/**
 * The real path behind `path`, with no symbolic link left in it, where it lies in one of the allowed folders.
 * @throws FolderError `folder-not-allowed`, the same whether anything is there or not; what keeps it from being read
 */
export async function allowedPath(path: string, roots: readonly string[]): Promise<string> {
  const url = pathToFileURL(path).href;
  const notAllowed = new FolderError('folder-not-allowed', 'it is not in a folder that LOADER_FILE_ROOTS names', url);
  const found = await Promise.all(roots.map((root) => realpath(root).catch(() => undefined)));
  const realRoots = found.filter((root) => root !== undefined);
  // Before any look-up: an answer about a path outside must not reveal whether it exists.
  if (![...roots, ...realRoots].some((root) => isWithin(path, root))) throw notAllowed;
  const real = await realpath(path).catch((error: unknown) => {
    throw toFolderError(error, url);
  });
  if (!realRoots.some((root) => isWithin(real, root))) throw notAllowed;
  return real;
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
