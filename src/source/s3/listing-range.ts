import { compareKeys } from '../key-order.ts';
import { ListAgain } from '../list-again.ts';
import type { ListedObject } from '../object-source.ts';
import type { PageChain } from './page-chain.ts';

/** Pages that a listing has before it is split; one that is nearly through needs no help. */
const PAGES_BEFORE_SPLIT = 4;

/** Where a range ends and its neighbour begins. */
export interface Boundary {
  key: string;
  /** The range of all keys after it. */
  range: ListingRange;
  /** The neighbour's first key: what this range's own listing has after the boundary. */
  firstKey: string;
}

/**
 * A part of a bucket's keys that is listed page by page, up to a boundary or to the end. What comes after a boundary is listed
 * by another range from there on. That nothing between the two is left out, in whatever order a store may list, is
 * checked at the end: what this listing has next must be what the other one has begun with.
 */
export class ListingRange {
  readonly chain: PageChain;
  readonly prefix: string;
  /** Where it was split off; undefined where it began by itself. */
  readonly from: string | undefined;
  until: Boundary | undefined;
  /** No key was found between this and the boundary. */
  emptyFrom: string | undefined;
  /** The keys of the last page. */
  page: readonly string[] = [];
  /** Whether a request looks for a boundary. */
  isProbed = false;
  /** Whether all has been listed. */
  isDone = false;

  #pages = 0;
  #isOrdered = true;

  constructor(chain: PageChain, prefix: string, from?: string) {
    this.chain = chain;
    this.prefix = prefix;
    this.from = from;
  }

  /** Whether enough of it is known to split it. */
  get isSplittable(): boolean {
    const isKnown = this.from !== undefined || this.#pages >= PAGES_BEFORE_SPLIT;
    return (
      isKnown && this.#isOrdered && !this.isDone && !this.isProbed && !this.chain.isByMarker && this.page.length > 0
    );
  }

  get lastKey(): string | undefined {
    return this.page.at(-1);
  }

  /**
   * Takes the next page of its listing.
   * @returns the objects that are this range's
   * @throws ListAgain when the store's order of keys is not S3's, and others list what this listing may still have
   */
  take(objects: ListedObject[]): ListedObject[] {
    const keys = objects.map(({ key }) => key);
    const isSplit = this.from !== undefined || this.until !== undefined;
    if (!isAscending(keys, this.lastKey ?? this.from)) {
      if (isSplit) throw new ListAgain('keys are not listed in the order of their bytes');
      this.#isOrdered = false;
    }
    this.#pages++;
    if (keys.length > 0) this.page = keys;
    const { until, chain } = this;
    if (until === undefined) {
      this.isDone = chain.isEnded;
      return objects;
    }
    const cut = keys.findIndex((key) => compareKeys(key, until.key) > 0);
    if (cut === -1 && !chain.isEnded) return objects;
    this.isDone = true;
    if (keys[cut] !== until.firstKey) throw new ListAgain('one listing does not go on where another one has begun');
    return objects.slice(0, cut);
  }
}

/** Whether keys are in S3's order, each once, and all of them after another one. */
export function isAscending(keys: readonly string[], after: string | undefined): boolean {
  return keys.every((key, n) => {
    const before = n === 0 ? after : keys[n - 1];
    return before === undefined || compareKeys(key, before) > 0;
  });
}
