import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import type { LoadableTypes } from '../fhir/loadable-types.ts';
import type { BucketStatus } from '../progress/bucket-status.ts';
import { passedOverNote } from '../progress/passed-over-note.ts';
import type { ObjectSource } from '../source/object-source.ts';
import type { Sources } from '../source/sources.ts';
import { setPassedOver } from '../store/bucket-load/bucket-load.ts';
import { markFingerprints } from '../store/fingerprint-table.ts';
import type { CallRecord } from '../store/load-run/run-call.ts';
import type { Queryable } from '../store/query.ts';
import { nextTxid } from '../store/transaction-stamps.ts';
import { TURN_WAIT_MS } from './bounded-transaction.ts';
import { BucketTurns } from './bucket-turns.ts';
import { isMissing } from './changed-object.ts';
import { compareListing, isPassedOver } from './compare-listing.ts';
import { knownTypes } from './known-types.ts';
import { type FileListing, type ListingNotes, listFiles } from './list-files.ts';
import type { Listings } from './listings.ts';
import type { LoadRequest } from './load-request.ts';
import { type ChangedFiles, type QueuedListing, queueCall, refuseContradiction } from './queue-call.ts';
import type { RunningLoads } from './running-loads.ts';
import type { CursorListing } from './watch/key-cursor.ts';
import { SettledFiles } from './watch/settled-files.ts';
import type { WatchCall, WatchedListing } from './watch/watch-round.ts';

export interface LoadCallsOptions {
  log: Logger;
  pool: pg.Pool;
  loadableTypes: LoadableTypes;
  sources: Sources;
  listings: Listings;
  loads: RunningLoads;
  status: (bucket: string) => Promise<BucketStatus>;
  /** Aborted when the service takes no more calls. */
  closing: AbortSignal;
}

/** What a call added to the queue. */
export interface LoadStarted {
  newFiles: number;
  changed: ChangedFiles;
  /** Of `changed`, that some are passed over. */
  passedOverNote: string | undefined;
  /** What the listing had besides. */
  notes: ListingNotes;
  /** LoaderFiles of the bucket, of any status. */
  totalFiles: number;
}

/** The way of a call from its parameters to a load: listing, queue, slots. */
export class LoadCalls {
  readonly #options: LoadCallsOptions;
  readonly #turns = new BucketTurns();

  constructor(options: LoadCallsOptions) {
    this.#options = options;
  }

  /**
   * Lists the bucket, queues what is new and begins to load; returns as soon as the files are queued.
   * @throws as `LoaderService.load`
   */
  async load(request: LoadRequest, caller: AbortSignal, record: CallRecord): Promise<LoadStarted> {
    const { listings, closing } = this.#options;
    const listed = await this.#list(request, (list) => listings.during(request.bucket, [closing, caller], list));
    return await this.#begin(request, listed, record);
  }

  /**
   * Lists a watched bucket, and calls for it where there is something new or nobody does what is left to do; a load that goes
   * on by itself is left alone.
   * @throws as `load`
   */
  async loadWatched(
    request: LoadRequest,
    { id, record, cursor, missing }: WatchCall,
    signal: AbortSignal,
  ): Promise<WatchedListing> {
    const { pool, log, status, closing } = this.#options;
    const { bucket } = request;
    const from = cursor?.begin();
    const settled = request.source.kind === 'folder' ? new SettledFiles() : undefined;
    const follow = (all: ObjectSource) => {
      const source = settled?.follow(all) ?? all;
      return from?.follow(source) ?? source;
    };
    // Not one of `listings`: nobody has called, so there is nothing to cancel.
    const listed = await this.#list(request, (list) => list(AbortSignal.any([closing, signal])), follow);
    const { news, missed, late, passedOver } = await countNews(pool, request, { ...listed, from });
    const isNeeded =
      news > 0 || missing.areDue(missed, performance.now()) || (await status(bucket)).state === 'interrupted';
    signal.throwIfAborted();
    if (isNeeded) await this.#begin(request, { ...listed, isPartial: from?.isFull === false, watch: id }, record);
    else if (passedOver !== undefined && (await setPassedOver(pool, bucket, passedOver)))
      logPassedOver(log, bucket, passedOver);
    from?.commit();
    return { called: isNeeded, late, hasLeft: settled?.hasLeft === true };
  }

  async #list(
    { bucket, prefixes, source, write }: LoadRequest,
    during: (list: (signal: AbortSignal) => Promise<FileListing>) => Promise<FileListing>,
    follow: (all: ObjectSource) => ObjectSource = (all) => all,
  ): Promise<QueuedListing> {
    const { pool, loadableTypes, sources, closing } = this.#options;
    closing.throwIfAborted();
    // Here only to spare a needless listing; the check within the turn is the one that counts.
    await refuseContradiction(pool, bucket, write);
    const types = await knownTypes(pool, loadableTypes);
    const listedFrom = await nextTxid(pool);
    const listing = await during((signal) => listFiles(follow(sources.open(source)), prefixes, types, signal));
    return { listing, listedFrom };
  }

  async #begin(request: LoadRequest, listed: QueuedListing, record: CallRecord): Promise<LoadStarted> {
    const { pool, log, loads, closing } = this.#options;
    if (request.write.upsert) await markFingerprints(pool);
    const { bucket } = request;
    const queue = () => queueCall(pool, request, listed, record);
    const { call, ...counted } = await this.#turns.take(bucket, TURN_WAIT_MS, queue);
    logPassedOver(log, bucket, counted.changed.passedOver);
    closing.throwIfAborted();
    await loads.begin({ ...request, call });
    return { ...counted, passedOverNote: passedOverNote(counted.changed.passedOver), notes: listed.listing };
  }
}

function logPassedOver(log: Logger, bucket: string, files: number): void {
  if (files > 0) log.warn({ bucket, files }, 'files are left as they were loaded though their objects have changed');
}

/**
 * Counts the files to queue, up to the first page that has some; with a cursor all of them, and which were late. Where
 * everything was listed and nothing is to be queued, also those that are passed over. Those that are queued only since they were gone
 * when they were read are counted apart (`missed`), where nothing else is to be queued.
 */
async function countNews(
  db: Queryable,
  request: LoadRequest,
  { listing, from }: { listing: FileListing; from: CursorListing | undefined },
): Promise<{ news: number; missed: number; late: number; passedOver: number | undefined }> {
  const count = { news: 0, missed: 0, late: 0 };
  let passedOver = 0;
  for await (const page of compareListing(db, request.bucket, listing, request)) {
    const toQueue = page.filter(({ standing }) => standing === 'new' || standing === 'changed');
    const news = toQueue.filter((file) => file.stored === undefined || !isMissing(file, file.stored));
    count.news += news.length;
    count.missed += toQueue.length - news.length;
    passedOver += page.filter(isPassedOver).length;
    if (from === undefined && count.news > 0) break;
    if (from?.isFull === true) count.late += news.filter(({ key }) => from.isLate(key)).length;
  }
  return { ...count, passedOver: from === undefined || from.isFull ? passedOver : undefined };
}
