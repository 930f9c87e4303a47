import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { decodeName, undecodableByte } from '../../text/undecodable-name.ts';
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
 * followed within the roots; a folder that a link leads back to is not listed again. A file whose path is not UTF-8 is listed, for
 * its key to be ignored by name (`text/undecodable-name.ts`); it cannot be opened.
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
  for (const { name, entry } of await entriesOf(folder, pathToFileURL(folder).href)) {
    signal.throwIfAborted();
    const entryKey = `${key}${name}`;
    const mayMatch = prefixes.some((prefix) => entryKey.startsWith(prefix) || prefix.startsWith(entryKey));
    if (!mayMatch) continue;
    if (undecodableByte(name) !== undefined) {
      for await (const undecodable of undecodableKeys(Buffer.from(folder), entry, entryKey)) {
        if (prefixes.some((prefix) => undecodable.startsWith(prefix))) yield { key: undecodable };
      }
      continue;
    }
    const path = join(folder, name);
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

interface Entry {
  name: string;
  entry: Dirent<Buffer>;
}

async function entriesOf(folder: string | Buffer, url: string): Promise<Entry[]> {
  // Names as bytes: as text, one that is not UTF-8 is another name, which nobody has.
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' }).catch((error: unknown) => {
    throw toFolderError(error, url);
  });
  return entries
    .map((entry) => ({ name: decodeName(entry.name), entry }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The keys of the files at and below an entry whose name is not UTF-8. Links are not followed. */
async function* undecodableKeys(folder: Buffer, entry: Dirent<Buffer>, key: string): AsyncGenerator<string> {
  if (entry.isFile() || entry.isSymbolicLink()) yield key;
  if (!entry.isDirectory()) return;
  const path = Buffer.concat([folder, Buffer.from(sep), entry.name]);
  for (const inner of await entriesOf(path, pathToFileURL(key).href)) {
    yield* undecodableKeys(path, inner.entry, `${key}/${inner.name}`);
  }
}
