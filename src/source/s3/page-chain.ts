import type { ListObjectsV2Command, ListObjectsV2CommandOutput, S3Client } from '@aws-sdk/client-s3';
import { awaitWithin } from '../../errors/await-within.ts';
import type { ListedObject } from '../object-source.ts';
import { readContentsApart } from './contents-apart.ts';
import { type ListingPlace, pageRequest, toListingPage } from './list-page.ts';
import { S3Error, toS3Error } from './s3-error.ts';

export interface PageChainOptions {
  bucket: string;
  /** Longest wait for one answer of S3 to its last byte, in ms. */
  limitMs: number;
  signal: AbortSignal;
  /** Whether the account agrees to pay for its requests. */
  requesterPays?: boolean | undefined;
}

/** Where a chain of pages begins. */
export interface ChainStart {
  prefix: string;
  /** The key after which its first page begins. */
  after?: string | undefined;
}

/** What the SDK's further attempts at a page, and its pauses between them, may take besides the longest wait, in ms. */
const RETRIES_MS = 30_000;

/** Pages in a row without an object that is wanted; some stores have a few, where many objects were deleted. */
const MOST_EMPTY_PAGES = 1_000;

/**
 * A listing from some key on, page by page (up to 1000 objects each), each page from where the one before ended.
 * A page that is not answered within `limitMs` ends the listing; one that S3 refuses for the time being is asked for
 * again. With all attempts and pauses a page takes `limitMs` and 30 s at most.
 */
export class PageChain {
  readonly #client: S3Client;
  readonly #options: PageChainOptions;
  readonly #start: ChainStart;
  readonly #what: string;
  readonly #seenTokens = new Set<string>();
  #place: ListingPlace | undefined;
  #isEnded = false;
  #emptyPages = 0;

  constructor(client: S3Client, options: PageChainOptions, start: ChainStart) {
    this.#client = client;
    this.#options = options;
    this.#start = start;
    this.#what = `s3://${options.bucket}/${start.prefix}`;
  }

  /** Whether the page read last was the last one. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether the store continues by markers: it may then not know how to begin after a key. */
  get isByMarker(): boolean {
    return this.#place !== undefined && 'marker' in this.#place;
  }

  /**
   * The next page; not to be called after the last one.
   * @throws S3Error, or the signal's reason when aborted
   */
  async next(): Promise<ListedObject[]> {
    const { bucket, signal, requesterPays } = this.#options;
    const { prefix, after } = this.#start;
    const place = this.#place;
    const what = this.#what;
    try {
      const answer = await this.#send(pageRequest({ bucket, prefix, place, after, requesterPays }));
      const page = toListingPage(answer, { prefix, place, what, seenTokens: this.#seenTokens });
      this.#emptyPages = page.objects.length === 0 ? this.#emptyPages + 1 : 0;
      if (this.#emptyPages > MOST_EMPTY_PAGES) {
        throw new S3Error(
          'IncompleteListing',
          `IncompleteListing: ${this.#emptyPages} pages in a row list nothing (${what})`,
        );
      }
      this.#place = page.next;
      this.#isEnded = page.next === undefined;
      return page.objects;
    } catch (error) {
      signal.throwIfAborted();
      throw toS3Error(error, what);
    }
  }

  async #send(command: ListObjectsV2Command): Promise<ListObjectsV2CommandOutput> {
    const { limitMs, signal } = this.#options;
    const late = (ms: number) => () =>
      new S3Error('ReadTimeout', `ReadTimeout: the bucket's listing was not answered within ${ms} ms (${this.#what})`);
    // Around each attempt by itself, its body included: the SDK's pauses between two do not count as silence.
    command.middlewareStack.add((next) => (args) => awaitWithin(next(args), { limitMs, signal, late: late(limitMs) }), {
      step: 'finalizeRequest',
      priority: 'low',
      name: 'listingLimit',
    });
    const withContents = readContentsApart(command);
    const giveUp = new AbortController();
    const sent = this.#client.send(command, { abortSignal: giveUp.signal });
    const longestMs = limitMs + RETRIES_MS;
    try {
      return withContents(await awaitWithin(sent, { limitMs: longestMs, signal, late: late(longestMs) }));
    } catch (error) {
      // The connection of an answer that never comes would stay for ever.
      giveUp.abort();
      throw error;
    }
  }
}
