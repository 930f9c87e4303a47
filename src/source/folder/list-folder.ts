import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { distinctPrefixes } from '../distinct-prefixes.ts';
import type { ListedObject } from '../object-source.ts';
import { allowedPath } from './allowed-path.ts';
import { toFolderError } from './folder-error.ts';
import { identityOf } from './identity-of.ts';

/** Files in a page. */
const PAGE = 1_000;

export interface ListFolderOptions {
  prefixes: readonly string[];
  /** Folders that may be read. */
  roots: readonly string[];
  signal: AbortSignal;
}

/**
 * Lists the regular files in a folder and the folders in it; a key is a path from there on, with slashes. Symbolic links are
 * followed within the roots; a folder that a link leads back to is not listed again.
 * @throws FolderError, also for a link that leads nowhere or out of the roots; or the signal's reason
 */
export async function* listFolder(folder: string, options: ListFolderOptions): AsyncGenerator<ListedObject[]> {
  const prefixes = distinctPrefixes(options.prefixes);
  let page: ListedObject[] = [];
  const real = await allowedPath(folder, options.roots);
  for await (const object of walk(real, '', { ...options, prefixes }, [real])) {
    page.push(object);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/** @param above real paths of the folders that this one is in */
async function* walk(
  folder: string,
  key: string,
  options: ListFolderOptions,
  above: readonly string[],
): AsyncGenerator<ListedObject> {
  const { prefixes, roots, signal } = options;
  const url = pathToFileURL(folder).href;
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw toFolderError(error, url);
  });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    signal.throwIfAborted();
    const entryKey = `${key}${entry.name}`;
    const mayMatch = prefixes.some((prefix) => entryKey.startsWith(prefix) || prefix.startsWith(entryKey));
    if (!mayMatch) continue;
    const path = join(folder, entry.name);
    const real = entry.isSymbolicLink() ? await allowedPath(path, roots) : path;
    const found = await stat(real, { bigint: true }).catch((error: unknown) => {
      throw toFolderError(error, pathToFileURL(path).href);
    });
    if (found.isDirectory()) {
      if (!above.includes(real)) yield* walk(real, `${entryKey}/`, options, [...above, real]);
    } else if (found.isFile() && prefixes.some((prefix) => entryKey.startsWith(prefix))) {
      yield { key: entryKey, ...identityOf(found) };
    }
  }
}
