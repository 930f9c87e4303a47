import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FileError } from '../../errors/file-error.ts';
import type { ObjectBytes, ObjectToRead } from '../object-source.ts';
import { allowedPath } from './allowed-path.ts';
import { FolderError, toFolderError } from './folder-error.ts';
import { identityOf } from './identity-of.ts';

/** Bytes read at a time. */
const CHUNK_BYTES = 256 * 1024;

export interface FolderFileOptions {
  roots: readonly string[];
  signal: AbortSignal;
}

/** Reads one file of a folder, once and completely. */
export class FolderFile implements ObjectBytes {
  bytes = 0;
  readonly resumes = 0;
  waitMs = 0;

  readonly #path: string;
  readonly #url: string;
  readonly #object: ObjectToRead;
  readonly #options: FolderFileOptions;

  constructor(folder: string, object: ObjectToRead, options: FolderFileOptions) {
    this.#path = join(folder, object.key);
    this.#url = pathToFileURL(this.#path).href;
    this.#object = object;
    this.#options = options;
  }

  async *read(): AsyncGenerator<Buffer> {
    const file = await this.#open();
    try {
      await this.#checkVersion(file);
      for (let chunk = await this.#next(file); chunk.length > 0; chunk = await this.#next(file)) {
        this.bytes += chunk.length;
        yield chunk;
      }
      // Written to while it was read: some of the bytes may be of one version and some of another.
      await this.#checkVersion(file);
      if (this.#object.size !== undefined && this.bytes !== this.#object.size) throw this.#changed();
    } finally {
      await file.close();
    }
  }

  async findDamage(): Promise<FileError | undefined> {
    try {
      const file = await this.#open();
      await this.#checkVersion(file).finally(() => file.close());
      return undefined;
    } catch (error) {
      return error instanceof FileError ? error : undefined;
    }
  }

  async #open(): Promise<FileHandle> {
    try {
      return await open(await allowedPath(this.#path, this.#options.roots), 'r');
    } catch (error) {
      throw toFolderError(error, this.#url);
    }
  }

  async #next(file: FileHandle): Promise<Buffer> {
    this.#options.signal.throwIfAborted();
    const started = performance.now();
    try {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(CHUNK_BYTES), 0, CHUNK_BYTES);
      return buffer.subarray(0, bytesRead);
    } catch (error) {
      throw toFolderError(error, this.#url);
    } finally {
      this.waitMs += performance.now() - started;
    }
  }

  async #checkVersion(file: FileHandle): Promise<void> {
    const { etag } = this.#object;
    const now = identityOf(await file.stat({ bigint: true }));
    if (etag !== undefined && etag !== now.etag) throw this.#changed();
  }

  #changed(): FolderError {
    return new FolderError('file-changed', 'the file was written to after it was listed', this.#url);
  }
}
