import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { ClientError } from '../errors/client-error.ts';
import type { LoadableTypes } from '../fhir/loadable-types.ts';
import { TableStatistics } from '../indexes/table-statistics.ts';
import { createLineMemory } from '../pipeline/line-memory.ts';
import { type BucketStatus, bucketStatus, type LoadState } from '../progress/bucket-status.ts';
import { conversionNote } from '../progress/conversion-note.ts';
import { type LoadReport, loadReport } from '../progress/load-report.ts';
import { type RunHistory, runDetail, runHistory } from '../progress/run-history.ts';
import { type SourceOptions, Sources } from '../source/sources.ts';
import { type CalledBucket, cancelCalls, findWriteOptions, listBuckets } from '../store/bucket-load/bucket-load.ts';
import type { NewWatch } from '../store/bucket-watch/bucket-watch.ts';
import type { DatabaseAddress } from '../store/connection-options.ts';
import type { RunQuery } from '../store/load-run/list-runs.ts';
import { endAbandonedRun } from '../store/load-run/load-run.ts';
import type { CallRecord } from '../store/load-run/run-call.ts';
import { countFilesByStatus, totalOf } from '../store/loader-file/bucket-files.ts';
import { type FailedFilesChoice, requeueFailedFiles } from '../store/loader-file/queue.ts';
import { boundLockWaits } from '../store/lock-waits.ts';
import type { PartitionRecovery } from '../target/partitioned/partition-recovery.ts';
import { WorkerPool } from '../worker/worker-pool.ts';
import { inBoundedTransaction, ROWS_WAIT_MS } from './bounded-transaction.ts';
import { dryRun } from './dry-run/dry-run.ts';
import type { DryRunReport } from './dry-run/dry-run-report.ts';
import { knownTypes } from './known-types.ts';
import { listFiles } from './list-files.ts';
import { Listings } from './listings.ts';
import { LoadCalls, type LoadStarted } from './load-calls.ts';
import { type LoadObserver, NO_OBSERVER } from './load-observer.ts';
import type { LoadRequest } from './load-request.ts';
import { refuseContradiction } from './queue-call.ts';
import { type ResolveOptions, type ResolveReport, resolveReferences } from './resolve-references.ts';
import { RunningLoads } from './running-loads.ts';
import { goesOnUnseen, type LocalKnowledge, statusInProcess } from './status-in-process.ts';
import { type WatchStatus, watchStatus } from './watch/watch-status.ts';
import { Watches, type WatchesOptions } from './watch/watches.ts';

export interface LoaderServiceOptions {
  address: DatabaseAddress;
  pool: pg.Pool;
  /** For index builds and ANALYZE, which may take hours. */
  buildPool: pg.Pool;
  log: Logger;
  recovery: PartitionRecovery;
  /** On Citus: whether missing tables are created as distributed ones. */
  distributeTables: boolean;
  observer?: LoadObserver;
  maxLineBytes: number;
  /** For the long lines of all files at once, in bytes of the lines. */
  lineMemoryBytes: number;
  /** Which resource types files may be loaded into. */
  loadableTypes: LoadableTypes;
  /** Where the database's files are, if that is on this machine and known. */
  databaseFolder?: string | undefined;
  sources: SourceOptions;
  /** Reads the stored params of a watched bucket. */
  readCall: WatchesOptions['readCall'];
  /** How long files in flight may go on after `close`, in ms. */
  shutdownGraceMs: number;
  /** Worker threads; by default one per core. */
  threads?: number | undefined;
  /** How often loads poll for changes without a notification, in ms; 5 s by default. */
  pollMs?: number | undefined;
}

/** The loads of this process, one per bucket; other replicas have theirs on the same queue. */
export class LoaderService {
  readonly #options: LoaderServiceOptions;
  readonly #workers: WorkerPool;
  readonly #sources: Sources;
  readonly #statistics: TableStatistics;
  readonly #listings = new Listings();
  readonly #loads: RunningLoads;
  readonly #calls: LoadCalls;
  readonly #watches: Watches;
  readonly #closing = new AbortController();
  readonly #startedAt = performance.now();

  constructor(options: LoaderServiceOptions) {
    this.#options = options;
    const { address: database, maxLineBytes, lineMemoryBytes, loadableTypes, sources, threads } = options;
    const lineMemory = createLineMemory(lineMemoryBytes, maxLineBytes);
    this.#workers = new WorkerPool({ database, maxLineBytes, lineMemory, loadableTypes, sources }, threads);
    this.#sources = new Sources(sources);
    this.#statistics = new TableStatistics(options, options.log);
    this.#loads = new RunningLoads({ observer: NO_OBSERVER, ...options, workers: this.#workers }, this.#statistics);
    const { observer = NO_OBSERVER } = options;
    this.#calls = new LoadCalls({
      ...options,
      sources: this.#sources,
      listings: this.#listings,
      loads: this.#loads,
      status: (bucket) => this.status(bucket),
      closing: this.#closing.signal,
    });
    this.#watches = new Watches({
      ...options,
      list: (request, watch, signal) => this.#calls.loadWatched(request, watch, signal),
      onListed: (bucket, outcome) => observer.onWatchListed(bucket, outcome),
    });
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
   * @throws as `load`; the bucket is not watched then
   */
  async watch(
    request: LoadRequest,
    watch: Pick<NewWatch, 'every' | 'everyMs' | 'params'> & { hasCredentials: boolean },
    { caller, record }: { caller: AbortSignal; record: CallRecord },
  ): Promise<LoadStarted> {
    const started = await this.load(request, caller, record);
    await this.#watches.add(request, { ...watch, caller: record.caller });
    return started;
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
   * Says what a call would do, and does nothing of it; what it would be refused for, this is.
   * @param options.checkLines also reads every file that would be loaded
   * @param caller aborted when nobody waits for the answer any more, which ends it
   */
  async dryRun(
    request: LoadRequest,
    { checkLines }: { checkLines: boolean },
    caller: AbortSignal,
  ): Promise<LoadStarted & { report: DryRunReport }> {
    const signal = AbortSignal.any([this.#closing.signal, caller]);
    signal.throwIfAborted();
    const { pool, address, databaseFolder, loadableTypes } = this.#options;
    const { bucket, prefixes, source, write } = request;
    await refuseContradiction(pool, bucket, write);
    const types = await knownTypes(pool, loadableTypes);
    const listing = await listFiles(this.#sources.open(source), prefixes, types, signal);
    const options = { pool, address, workers: this.#workers, databaseFolder, checkLines, signal };
    const report = await dryRun(request, listing, options);
    const totalFiles = totalOf(await countFilesByStatus(pool, bucket));
    const changed = { count: report.files['changed'] ?? 0, unsure: 0 };
    return { newFiles: report.files['new'] ?? 0, changed, notes: listing, totalFiles, report };
  }

  /** @throws ClientError when nobody ever called for the bucket */
  async status(bucket: string): Promise<BucketStatus & { watch?: WatchStatus }> {
    const { pool } = this.#options;
    const status = await statusInProcess(pool, bucket, this.#knowledgeOf(bucket));
    const watch = await watchStatus(pool, bucket, this.#watches);
    return { ...status, ...(watch === undefined ? {} : { watch }) };
  }

  /**
   * The runs of a bucket, or of all, the latest first; or one, by its number, with its calls and its rate curve.
   * @throws ClientError when nobody ever called for the bucket, or there is no such run
   */
  async history(wanted: { run: number } | RunQuery): Promise<RunHistory> {
    const { pool } = this.#options;
    const goesOn = (bucket: string) => goesOnUnseen(pool, bucket, this.#knowledgeOf(bucket));
    return 'limit' in wanted ? await runHistory(pool, wanted, goesOn) : await runDetail(pool, wanted.run, goesOn);
  }

  /** What a verbose status adds to one of this state. */
  async report(bucket: string, state: LoadState): Promise<LoadReport> {
    return await loadReport(this.#options.pool, bucket, state);
  }

  /** The buckets that were ever called for, the latest call first. */
  async buckets(): Promise<CalledBucket[]> {
    return await listBuckets(this.#options.pool);
  }

  /**
   * Cancels the bucket's load on all replicas: they begin no further file, and those in flight roll back to the queue.
   * Calls to this process that still list the bucket end as well, and so does the bucket's watch, if it has one.
   * @throws ClientError when nobody loads the bucket
   */
  async cancel(bucket: string): Promise<BucketStatus & { watch?: WatchStatus }> {
    const { pool } = this.#options;
    const ended = this.#listings.cancel(bucket);
    if (ended > 0 && (await findWriteOptions(pool, bucket)) === undefined)
      return { state: 'interrupted', progress: { total: 0 } };
    const status = await this.status(bucket);
    const isLoading = status.state === 'in-progress';
    if (!isLoading && ended === 0) {
      const watched = status.watch === undefined ? '' : ' It is watched: fhir-bucket-loader/unwatch ends that.';
      throw new ClientError(
        'domain-error',
        `Bucket <${bucket}> is not being loaded; its state is ${status.state}.${watched}`,
      );
    }
    // Its next listing would begin again what is cancelled.
    await this.#watches.remove(bucket);
    if (!isLoading) return status;
    await cancelCalls(pool, bucket);
    this.#loads.cancel(bucket);
    return status;
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

  /** What of a database no load applies to resources in Aidbox's format; undefined where there is nothing of it. */
  async conversionNote(): Promise<string | undefined> {
    return await conversionNote(this.#options.pool);
  }

  /**
   * Puts the bucket's failed files, those chosen, back in the queue. A load in progress takes them; else the next call does.
   * @throws ClientError when nobody ever called for the bucket
   */
  async retry(bucket: string, choice: FailedFilesChoice): Promise<{ retried: number; status: BucketStatus }> {
    const { pool } = this.#options;
    await bucketStatus(pool, bucket);
    await inBoundedTransaction(pool, bucket, (client) => endAbandonedRun(client, bucket));
    const retried = await inBoundedTransaction(pool, bucket, async (client) => {
      await boundLockWaits(client, ROWS_WAIT_MS);
      return await requeueFailedFiles(client, bucket, choice);
    });
    return { retried, status: await this.status(bucket) };
  }

  /** Begins to list the watched buckets, those that no other replica lists. */
  lookAfterWatches(): void {
    this.#watches.start();
  }

  /** Refuses calls from now on, and ends those that are listing. */
  refuseCalls(): void {
    this.#watches.stop();
    this.#closing.abort(new ClientError('database-unavailable', 'the server is shutting down; call another replica'));
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

  #knowledgeOf(bucket: string): LocalKnowledge {
    return { load: this.#loads.find(bucket), knownMs: performance.now() - this.#startedAt };
  }
}
