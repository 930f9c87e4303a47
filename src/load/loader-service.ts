import { ClientError } from '../errors/client-error.ts';
import { serverClosing } from '../errors/server-closing.ts';
import { TableStatistics } from '../indexes/table-statistics.ts';
import { createLineMemory } from '../pipeline/line-memory.ts';
import { Sources } from '../source/sources.ts';
import type { NewWatch } from '../store/bucket-watch/bucket-watch.ts';
import { ConnectionShare } from '../store/connection-share.ts';
import type { CallRecord } from '../store/load-run/run-call.ts';
import type { FailedFilesChoice } from '../store/loader-file/requeue-failed-files.ts';
import { WorkerPool } from '../worker/worker-pool.ts';
import { cancelLoad } from './cancel-load.ts';
import { type DryRunStarted, dryRunCall } from './dry-run/dry-run-call.ts';
import { Listings } from './listings.ts';
import { LoadCalls, type LoadStarted } from './load-calls.ts';
import { NO_OBSERVER } from './load-observer.ts';
import { LoadQueries, type WatchedStatus } from './load-queries.ts';
import type { LoadRequest } from './load-request.ts';
import type { LoaderServiceOptions } from './loader-service-options.ts';
import { type ResolveOptions, type ResolveReport, resolveReferences } from './resolve-references.ts';
import { retryFiles } from './retry-files.ts';
import { RunningLoads } from './running-loads.ts';
import { Watches } from './watch/watches.ts';

/** The loads of this process, one per bucket; other replicas have theirs on the same queue. */
export class LoaderService {
  readonly queries: LoadQueries;

  readonly #options: LoaderServiceOptions;
  readonly #workers: WorkerPool;
  readonly #sources: Sources;
  readonly #statistics: TableStatistics;
  readonly #listings = new Listings();
  readonly #loads: RunningLoads;
  readonly #calls: LoadCalls;
  readonly #watches: Watches;
  readonly #closing = new AbortController();

  constructor(options: LoaderServiceOptions) {
    this.#options = options;
    const {
      address: database,
      dataAddresses,
      maxLineBytes,
      lineMemoryBytes,
      loadableTypes,
      sources,
      threads,
    } = options;
    const lineMemory = createLineMemory(lineMemoryBytes, maxLineBytes);
    this.#workers = new WorkerPool(
      { database, dataAddresses, maxLineBytes, lineMemory, loadableTypes, sources },
      threads,
    );
    this.#sources = new Sources(sources);
    this.#statistics = new TableStatistics(options, options.log);
    const share = new ConnectionShare(options.pool);
    this.#loads = new RunningLoads(
      { observer: NO_OBSERVER, ...options, workers: this.#workers, share },
      this.#statistics,
    );
    void this.#loads.firstLoad.then(() => this.#keepCode());
    const { observer = NO_OBSERVER } = options;
    this.#calls = new LoadCalls({
      ...options,
      sources: this.#sources,
      listings: this.#listings,
      loads: this.#loads,
      status: (bucket) => this.queries.status(bucket),
      closing: this.#closing.signal,
    });
    this.#watches = new Watches({
      ...options,
      list: (request, watch, signal) => this.#calls.loadWatched(request, watch, signal),
      onListed: (bucket, outcome) => observer.onWatchListed(bucket, outcome),
    });
    this.queries = new LoadQueries({ pool: options.pool, loads: this.#loads, watches: this.#watches });
  }

  /**
   * Lists the bucket, queues what is new and begins to load; returns as soon as the files are queued.
   * @throws ClientError when the load contradicts one in progress, FileError when the listing fails; nothing is queued then.
   * ClientError also when the service closes meanwhile; another call continues where this one was
   * @param caller aborted when nobody waits for the answer any more, which ends the listing
   * @param record what the record of the run says of the call
   */
  async load(request: LoadRequest, caller: AbortSignal, record: CallRecord): Promise<LoadStarted> {
    return await this.#calls.load(request, caller, record);
  }

  /**
   * Calls for the bucket, and then lists it at a pace, on one replica at a time, until `unwatch` or `cancel`. A former watch of the
   * bucket ends.
   * @returns also the prefixes of the former watch, none for all keys; undefined where there was none
   * @throws as `load`; the bucket is not watched then
   */
  async watch(
    request: LoadRequest,
    watch: Pick<NewWatch, 'every' | 'everyMs' | 'params'> & { hasCredentials: boolean },
    { caller, record }: { caller: AbortSignal; record: CallRecord },
  ): Promise<LoadStarted & { formerPrefixes: readonly string[] | undefined }> {
    const started = await this.load(request, caller, record);
    const formerPrefixes = await this.#watches.add(request, {
      ...watch,
      caller: record.caller,
      recorded: record.params,
    });
    return { ...started, formerPrefixes };
  }

  /**
   * Ends the bucket's watch; a load in progress goes on.
   * @throws ClientError when it is not watched
   */
  async unwatch(bucket: string): Promise<void> {
    if (await this.#watches.remove(bucket)) return;
    throw new ClientError('domain-error', `Bucket <${bucket}> is not watched.`);
  }

  /**
   * Says what a call would do, and does nothing of it; `dryRunCall` says how.
   * @param caller aborted when nobody waits for the answer any more, which ends it
   */
  async dryRun(
    request: LoadRequest,
    { checkLines }: { checkLines: boolean },
    caller: AbortSignal,
  ): Promise<DryRunStarted> {
    const deps = { ...this.#options, workers: this.#workers, sources: this.#sources };
    return await dryRunCall(request, { checkLines, signal: AbortSignal.any([this.#closing.signal, caller]) }, deps);
  }

  /**
   * Cancels the bucket's load on all replicas, calls to this process that still list it, and its watch.
   * @returns the status just before
   * @throws ClientError when nobody loads the bucket
   */
  async cancel(bucket: string): Promise<WatchedStatus> {
    const { pool } = this.#options;
    const { queries } = this;
    return await cancelLoad(bucket, {
      pool,
      listings: this.#listings,
      loads: this.#loads,
      watches: this.#watches,
      queries,
    });
  }

  /**
   * Resolves conditional references of stored resources; `resolveReferences` says how.
   * @param caller aborted when nobody waits for the answer any more, which ends it after a batch
   */
  async resolve(options: Pick<ResolveOptions, 'compiler' | 'types'>, caller: AbortSignal): Promise<ResolveReport> {
    const { pool, buildPool } = this.#options;
    const signal = AbortSignal.any([this.#closing.signal, caller]);
    return await resolveReferences({ ...options, pool, buildPool, signal });
  }

  /**
   * Puts the bucket's failed files, those chosen, back in the queue. A load in progress takes them; else the next call does.
   * @throws ClientError when nobody ever called for the bucket
   */
  async retry(bucket: string, choice: FailedFilesChoice): Promise<{ retried: number; status: WatchedStatus }> {
    const retried = await retryFiles(this.#options.pool, bucket, choice);
    return { retried, status: await this.queries.status(bucket) };
  }

  /**
   * Resolves once files can be loaded.
   * @throws what keeps the worker threads from starting
   */
  async ready(): Promise<void> {
    await this.#workers.ready();
  }

  /** Begins to list the watched buckets, those that no other replica lists. */
  lookAfterWatches(): void {
    this.#watches.start();
  }

  /** Refuses calls from now on, and ends those that are listing. */
  refuseCalls(): void {
    this.#watches.stop();
    this.#closing.abort(serverClosing());
  }

  /**
   * Stops all loads of this process: no further file is begun; those in flight may end within the grace period and
   * then roll back to the queue. Resolves when nothing runs any more.
   */
  async close(): Promise<void> {
    this.refuseCalls();
    await this.#watches.close();
    await this.#loads.stop(this.#options.shutdownGraceMs);
    await this.#statistics.close();
    await this.#workers.close();
  }

  /** After the first load: what that has not called is compiled when it is called, as before. A thread that serves stops for some 30 ms. */
  async #keepCode(): Promise<void> {
    const { keepCode, log } = this.#options;
    if (keepCode === undefined || this.#closing.signal.aborted) return;
    try {
      keepCode();
      await this.#workers.keepCode();
      log.debug('compiled code is kept for the next start');
    } catch (error) {
      if (!this.#closing.signal.aborted) log.warn({ err: error }, 'compiled code is not kept for the next start');
    }
  }
}
