import type { Entry } from './node.ts';
import type { Segments } from './segments.ts';

/** A choice that was written, or met in the storage format, in an object that is still open. */
export interface Written {
  entry: Entry;
  /** Of a stored one: where its value begins in the line; -1 where that is not an object, and of others. */
  from: number;
  /** The range in the segments that begins with the closing brace of the choice's object; -1 while not known. */
  close: number;
  /** Of a stored one: offset of that brace in the line. */
  brace: number;
}

/** The choices written in the objects that are open, and where in the segments each one's object ends. */
export class WrittenChoices {
  /** How many; the caller that opens an object sets it back at its end. */
  count = 0;

  readonly #segments: Segments;
  readonly #written: Written[] = [];

  constructor(segments: Segments) {
    this.#segments = segments;
  }

  add(written: Written): void {
    this.#written[this.count++] = written;
  }

  /** Those of the same element, of the object whose choices begin at `since`. */
  ofElement({ base }: Entry, since: number): Written[] {
    if (since === this.count) return [];
    return this.#written.slice(since, this.count).filter(({ entry }) => entry.base === base);
  }

  /** Makes the closing brace in the line the beginning of a range of its own. */
  split(brace: number, since: number): number {
    const before = this.#segments.count;
    const at = this.#segments.splitAt(brace);
    this.#shift(since, at, this.#segments.count - before);
    return at;
  }

  /** Moves what was written since the range `start` to the end of the choice's object. @returns where that ends now */
  moveInto({ close }: Written, start: number, since: number): number {
    const moved = this.#segments.moveTo(close, start);
    this.#shift(since, close, moved);
    return close + moved;
  }

  #shift(since: number, from: number, by: number): void {
    for (let k = since; k < this.count; k++) {
      const written = this.#written[k];
      if (written !== undefined && written.close >= from) written.close += by;
    }
  }
}
