import type { FileError } from '../errors/file-error.ts';

/** What a source reports of an object, to distinguish versions of it. What is not known is absent, never a default. */
export interface ObjectIdentity {
  /** Size in bytes. A source that lists no sizes may say 0. */
  size?: number | undefined;
  /** Changes whenever the object's content does. */
  etag?: string | undefined;
  lastModified?: Date | undefined;
}

/** An object as listed. */
export interface ListedObject extends ObjectIdentity {
  key: string;
}

/** An object to read, as it was listed: it must still be that version, and is read to exactly its length. */
export type ObjectToRead = ListedObject;

/** The bytes of one object, on their way. */
export interface ObjectBytes {
  /**
   * All bytes in order, once; a body that breaks off is resumed where it did, without the reader's notice.
   * @throws FileError, also when the object was replaced since it was listed; the signal's reason when aborted
   */
  read(): AsyncIterable<Buffer>;
  /**
   * Checks whether content that could not be loaded was damaged on the way: that is the source's failure, not the file's.
   * To be called when nobody reads any more. Never throws.
   * @returns what was wrong with the bytes; undefined when they are right, or it cannot be checked
   */
  findDamage(): Promise<FileError | undefined>;
  /** Bytes received so far. */
  readonly bytes: number;
  /** How often a broken body was resumed. */
  readonly resumes: number;
  /** Time spent waiting for bytes, in ms. */
  readonly waitMs: number;
}

/**
 * Where a load's files come from: one bucket of a store, or one folder. To add a kind of source, implement this in a
 * folder beside `s3/` and register it in `sources.ts`.
 */
export interface ObjectSource {
  /**
   * The objects whose keys start with one of the prefixes (none means all), each once, page by page, in no order.
   * @param after by prefix, as `distinctPrefixes` gives them: the key after which the listing may begin; a source may list all
   * @throws FileError, ListAgain, or the signal's reason when aborted
   */
  list(
    prefixes: readonly string[],
    signal: AbortSignal,
    after?: ReadonlyMap<string, string>,
  ): AsyncIterable<ListedObject[]>;
  /** Begins nothing yet: `read` does. */
  open(object: ObjectToRead, signal: AbortSignal): ObjectBytes;
}
