import type { ListedObject, ObjectSource } from '../../source/object-source.ts';

/** Since when nobody may have written to a file that a watch takes, in ms: a program that packs as it writes pauses for some seconds. */
export const SETTLE_MS = 10_000;

/**
 * A folder without the files that are being written: an object of a store is whole once it is listed, but a file is there, empty, as
 * soon as somebody opens it, and would be `done` with what it held by then. By the files' times, which another machine may
 * have set: one that is far off, in either direction, keeps no file back.
 */
export class SettledFiles {
  #hasLeft = false;

  /** Whether a listing has left a file to a later one. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** The source, listing settled files alone. */
  follow(source: ObjectSource): ObjectSource {
    return {
      open: (object, signal) => source.open(object, signal),
      list: (...asked) => this.#list(source.list(...asked)),
    };
  }

  async *#list(pages: AsyncIterable<ListedObject[]>): AsyncGenerator<ListedObject[]> {
    for await (const page of pages) {
      const settled = page.filter((file) => !isFresh(file));
      if (settled.length < page.length) this.#hasLeft = true;
      yield settled;
    }
  }
}

function isFresh({ lastModified }: ListedObject): boolean {
  return lastModified !== undefined && Math.abs(Date.now() - lastModified.getTime()) < SETTLE_MS;
}
