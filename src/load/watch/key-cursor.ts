import { distinctPrefixes } from '../../source/distinct-prefixes.ts';
import type { ListedObject, ObjectSource } from '../../source/object-source.ts';

/** How long listings of new keys alone may follow each other, in ms; then all is listed once. */
const FULL_EVERY_MS = 24 * 3_600_000;

/**
 * How far the listings of a bucket have come, where each new object's key comes after all earlier ones: a listing begins after
 * the last key seen. Now and then all is listed, which finds what came in another order.
 */
export class KeyCursor {
  /** By prefix, those of listings whose files are queued. */
  #last: ReadonlyMap<string, string> = new Map();
  #fullAt: number | undefined;

  /** The next listing is a whole one: another replica may have listed meanwhile, or nobody could. */
  expire(): void {
    this.#fullAt = undefined;
  }

  /** Begins a listing; `commit` is called when what it has found is queued, and not otherwise. */
  begin(): CursorListing {
    const isFull = this.#fullAt === undefined || performance.now() - this.#fullAt >= FULL_EVERY_MS;
    const startedAt = performance.now();
    const before = this.#last;
    const last = new Map(before);
    return {
      isFull,
      isLate: (key) => [...before].some(([prefix, at]) => key.startsWith(prefix) && !isAfter(key, at)),
      follow: (source) => ({
        open: (object, signal) => source.open(object, signal),
        list: (prefixes, signal) =>
          this.#list(source.list(prefixes, signal, isFull ? undefined : before), prefixes, last),
      }),
      commit: () => {
        this.#last = last;
        if (isFull) this.#fullAt = startedAt;
      },
    };
  }

  async *#list(
    pages: AsyncIterable<ListedObject[]>,
    prefixes: readonly string[],
    last: Map<string, string>,
  ): AsyncGenerator<ListedObject[]> {
    const distinct = distinctPrefixes(prefixes);
    for await (const page of pages) {
      for (const { key } of page) {
        const prefix = distinct.find((each) => key.startsWith(each)) ?? '';
        const before = last.get(prefix);
        if (before === undefined || isAfter(key, before)) last.set(prefix, key);
      }
      yield page;
    }
  }
}

export interface CursorListing {
  /** Whether all keys are listed. */
  isFull: boolean;
  /** Whether a key does not come after the last one of the listings before. */
  isLate(key: string): boolean;
  /** The source, listing from the cursor on. */
  follow(source: ObjectSource): ObjectSource;
  commit(): void;
}

/** In the order of S3's listings, by the bytes of UTF-8. */
function isAfter(key: string, other: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(other)) > 0;
}
