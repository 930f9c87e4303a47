import type { S3Client } from '@aws-sdk/client-s3';
import { distinctPrefixes } from '../distinct-prefixes.ts';
import { compareKeys } from '../key-order.ts';
import type { ListedObject } from '../object-source.ts';
import { KeyDigits } from './key-digits.ts';
import { isAscending, ListingRange } from './listing-range.ts';
import { PageChain, type PageChainOptions } from './page-chain.ts';

export interface ListOptions extends PageChainOptions {
  prefixes: readonly string[];
  /** By prefix: the key after which its listing begins. */
  after?: ReadonlyMap<string, string> | undefined;
  /** Requests at a time; 1 lists one page after another. */
  mostAtOnce?: number | undefined;
}

/** S3 takes 5,500 requests a second for a prefix; reading the answers keeps a core busy with about so many of 100 ms. */
const MOST_AT_ONCE = 16;

/** Requests for where to split that may find nothing, besides one for so many pages. */
const MISSES = 8;
const PAGES_A_MISS = 4;

/**
 * Lists a bucket in pages of up to 1000 objects, in no order. Long listings are split at keys between the last one seen and the
 * end, and the parts listed side by side: a request for what comes after such a key either finds nothing, or is
 * the first page of another part. Short ones take as many requests as they have pages. Needs `s3:ListBucket` only.
 * @throws S3Error, ListAgain, or the signal's reason when aborted
 */
export async function* listObjects(client: S3Client, options: ListOptions): AsyncGenerator<ListedObject[]> {
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  try {
    yield* new Listing(client, { ...options, signal }).pages();
  } finally {
    ended.abort();
  }
}

/** A request that was sent, and what to do with its answer. */
interface Request {
  answered: Promise<Request>;
  /** @throws what the request does */
  take: () => ListedObject[];
}

class Listing {
  readonly #client: S3Client;
  readonly #options: ListOptions;
  readonly #mostAtOnce: number;
  readonly #waiting: ListingRange[];
  readonly #digits = new KeyDigits();
  readonly #requests = new Set<Request>();
  /** With a page that nobody waits for. */
  readonly #ready = new Set<ListingRange>();
  readonly #ranges = new Set<ListingRange>();
  #isSplittable = true;
  #pages = 0;
  #misses = 0;

  constructor(client: S3Client, options: ListOptions) {
    this.#client = client;
    this.#options = options;
    this.#mostAtOnce = options.mostAtOnce ?? MOST_AT_ONCE;
    this.#waiting = distinctPrefixes(options.prefixes).map(
      (prefix) => new ListingRange(this.#chain(prefix, options.after?.get(prefix)), prefix),
    );
  }

  async *pages(): AsyncGenerator<ListedObject[]> {
    for (;;) {
      while (this.#requests.size < this.#mostAtOnce && this.#sendNext());
      if (this.#requests.size === 0) return;
      const request = await Promise.race([...this.#requests].map(({ answered }) => answered));
      this.#requests.delete(request);
      yield request.take();
    }
  }

  /** Sends what is most needed: a part's next page, another prefix's first, or a look for where to split. */
  #sendNext(): boolean {
    const [range = this.#waiting.shift()] = this.#ready;
    if (range !== undefined) {
      this.#ready.delete(range);
      this.#ranges.add(range);
      this.#send(range.chain.next(), (page) => this.#take(range, page()));
      return true;
    }
    return this.#split();
  }

  #take(range: ListingRange, page: ListedObject[]): ListedObject[] {
    const objects = range.take(page);
    this.#pages++;
    if (this.#mostAtOnce > 1) this.#digits.learn(range.page);
    if (range.isDone) this.#ranges.delete(range);
    else this.#ready.add(range);
    return objects;
  }

  /** Splits the part of which most seems to be left. @returns false where none is worth it */
  #split(): boolean {
    if (!this.#isSplittable || this.#misses > MISSES + this.#pages / PAGES_A_MISS) return false;
    const candidates = [...this.#ranges]
      .filter((range) => range.isSplittable)
      .map((range) => ({ range, rest: restOf(range) }))
      .map(({ range, rest }) => ({ range, rest, left: this.#digits.estimate(rest) }))
      .filter(({ range, left }) => left > 2 * range.page.length)
      .sort((a, b) => b.left - a.left);
    for (const { range, rest } of candidates) {
      const middle = this.#digits.middle(rest);
      if (middle === undefined) continue;
      range.isProbed = true;
      const chain = this.#chain(range.prefix, middle);
      this.#send(chain.next(), (page) => this.#takeProbe(range, { middle, chain, page }));
      return true;
    }
    return false;
  }

  #takeProbe(range: ListingRange, probe: { middle: string; chain: PageChain; page: () => ListedObject[] }) {
    const { middle, chain } = probe;
    range.isProbed = false;
    const page = this.#probePage(probe);
    const [first] = page;
    const { until, lastKey = '' } = range;
    const isPassed = range.isDone || compareKeys(lastKey, middle) >= 0;
    const isEmpty = first === undefined || (until !== undefined && compareKeys(first.key, until.key) > 0);
    if (isPassed || isEmpty) {
      this.#misses++;
      if (!isPassed) range.emptyFrom = middle;
      return [];
    }
    const other = new ListingRange(chain, range.prefix, middle);
    other.until = until;
    other.emptyFrom = range.emptyFrom;
    range.until = { key: middle, range: other, firstKey: first.key };
    range.emptyFrom = undefined;
    this.#ranges.add(other);
    return this.#take(other, page);
  }

  /** The page after a middle; a store that does not know how to begin there is not split, and lists all the same. */
  #probePage({ middle, chain, page }: { middle: string; chain: PageChain; page: () => ListedObject[] }) {
    try {
      const objects = page();
      const keys = objects.map(({ key }) => key);
      if (isAscending(keys, middle) && (keys.length > 0 || chain.isEnded)) return objects;
    } catch {
      this.#options.signal.throwIfAborted();
    }
    this.#isSplittable = false;
    return [];
  }

  #chain(prefix: string, after: string | undefined): PageChain {
    return new PageChain(this.#client, this.#options, { prefix, after });
  }

  #send(page: Promise<ListedObject[]>, take: (page: () => ListedObject[]) => ListedObject[]): void {
    const settled = page.then(
      (objects) => () => objects,
      (error: unknown) => () => {
        throw error;
      },
    );
    const request: Request = {
      answered: settled.then((result) => Object.assign(request, { take: () => take(result) })),
      take: () => [],
    };
    this.#requests.add(request);
  }
}

function restOf({ page, prefix, until, emptyFrom }: ListingRange) {
  return {
    page,
    end: emptyFrom ?? until?.key,
    isEndSure: emptyFrom === undefined && until !== undefined,
    prefixLength: prefix.length,
  };
}
