import type { ListedObject, ObjectBytes, ObjectSource, ObjectToRead } from '../object-source.ts';
import { FolderFile } from './folder-file.ts';
import { listFolder } from './list-folder.ts';

/** A folder on the server's machine, as a source of files. */
export interface FolderAddress {
  kind: 'folder';
  /** Absolute path. */
  path: string;
}

/** A local folder; every replica that works on it must see the same files at the same path. */
export class FolderSource implements ObjectSource {
  readonly #path: string;
  readonly #roots: readonly string[];

  /** @param roots folders that may be read, with all that is in them; absolute paths */
  constructor({ path }: FolderAddress, roots: readonly string[]) {
    this.#path = path;
    this.#roots = roots;
  }

  list(prefixes: readonly string[], signal: AbortSignal): AsyncIterable<ListedObject[]> {
    return listFolder(this.#path, { prefixes, roots: this.#roots, signal });
  }

  open(object: ObjectToRead, signal: AbortSignal): ObjectBytes {
    return new FolderFile(this.#path, object, { roots: this.#roots, signal });
  }
}
