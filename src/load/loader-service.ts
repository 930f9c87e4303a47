import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { ClientError } from '../errors/client-error.ts';
import type { LoadableTypes } from '../fhir/loadable-types.ts';
import { TableStatistics } from '../indexes/table-statistics.ts';
import { createLineMemory } from '../pipeline/line-memory.ts';
import { type BucketStatus, bucketStatus } from '../progress/bucket-status.ts';
import { conversionNote } from '../progress/conversion-note.ts';
import { type LoadReport, loadReport } from '../progress/load-report.ts';
import { type SourceOptions, Sources } from '../source/sources.ts';
import {
  cancelCalls,
  findWriteOptions,
  isReconnecting,
  listBuckets,
  recordCall,
  takeTurn,
} from '../store/bucket-load/bucket-load.ts';
import { isLoading } from '../store/bucket-load/load-lock.ts';
import { storedName, WRITE_OPTIONS, type WriteOptions } from '../store/bucket-load/write-options.ts';
import type { DatabaseAddress } from '../store/connection-options.ts';
import { countFilesByStatus, totalOf } from '../store/loader-file/bucket-files.ts';
import { releaseOrphans, requeueFailedFiles } from '../store/loader-file/queue.ts';
import { boundLockWaits } from '../store/lock-waits.ts';
import type { Queryable } from '../store/query.ts';
import type { PartitionRecovery } from '../target/partitioned/partition-recovery.ts';
import { WorkerPool } from '../worker/worker-pool.ts';
import { inBoundedTransaction, ROWS_WAIT_MS, TURN_WAIT_MS } from './bounded-transaction.ts';
import { knownTypes } from './known-types.ts';
import { type ListingNotes, listFiles } from './list-files.ts';
import { Listings } from './listings.ts';
import { Load } from './load.ts';
import { type LoadObserver, NO_OBSERVER } from './load-observer.ts';
import type { LoadRequest, NumberedRequest } from './load-request.ts';
import { queueFiles } from './queue-files.ts';
import { type ResolveOptions, type ResolveReport, resolveReferences } from './resolve-references.ts';

export interface LoaderServiceOptions {
  address: DatabaseAddress;
  pool: pg.Pool;
  /** For index builds and ANALYZE, which may take hours. */
  buildPool: pg.Pool;
  log: Logger;
  recovery: PartitionRecovery;
  observer?: LoadObserver;
  maxLineBytes: number;
  /** For the long lines of all files at once, in bytes of the lines. */
  lineMemoryBytes: number;
  /** Which resource types files may be loaded into. */
  loadableTypes: LoadableTypes;
  sources: SourceOptions;
  /** How long files in flight may go on after `close`, in ms. */
  shutdownGraceMs: number;
  /** Worker threads; by default one per core. */
  threads?: number | undefined;
  /** How often loads poll for changes without a notification, in ms; 5 s by default. */
  pollMs?: number | undefined;
}

/** What the status says while a load has lost its session. */
const RECONNECTING = 'The load has lost its connection to Postgres and is reconnecting.';

const RESTARTED = 'Postgres has just started; the replicas that were loading reconnect.';

/** What a call added to the queue. */
export interface LoadStarted {
  newFiles: number;
  /** What the listing had besides. */
  notes: ListingNotes;
  /** LoaderFiles of the bucket, of any status. */
  totalFiles: number;
}

/** The loads of this process, one per bucket; other replicas have theirs on the same queue. */
export class LoaderService {
  readonly #options: LoaderServiceOptions;
  readonly #workers: WorkerPool;
  readonly #sources: Sources;
  readonly #statistics: TableStatistics;
  readonly #listings = new Listings();
  /** By bucket: the one that takes further calls. */
  readonly #loads = new Map<string, Load>();
  /** All that run, also those that restore their indexes while a newer one loads. */
  readonly #running = new Set<Load>();
  readonly #closing = new AbortController();
  readonly #startedAt = performance.now();

  constructor(options: LoaderServiceOptions) {
    this.#options = options;
    const { address: database, maxLineBytes, lineMemoryBytes, loadableTypes, sources, threads } = options;
    const lineMemory = createLineMemory(lineMemoryBytes, maxLineBytes);
    this.#workers = new WorkerPool({ database, maxLineBytes, lineMemory, loadableTypes, sources }, threads);
    this.#sources = new Sources(sources);
    this.#statistics = new TableStatistics(options, options.log);
  }

  /**
   * Lists the bucket, queues what is new and begins to load; returns as soon as the files are queued.
   * @throws ClientError when the load contradicts one in progress, FileError when the listing fails; nothing is queued then.
   * ClientError also when the service closes meanwhile; another call continues where this one was
   * @param caller aborted when nobody waits for the answer any more, which ends the listing
   */
  async load(request: LoadRequest, caller: AbortSignal): Promise<LoadStarted> {
    const closing = this.#closing.signal;
    closing.throwIfAborted();
    const { pool, loadableTypes } = this.#options;
    const { bucket, prefixes, source, write } = request;
    // Here only to spare a needless listing; the check within the turn is the one that counts.
    await refuseContradiction(pool, bucket, write);
    const types = await knownTypes(pool, loadableTypes);
    const listing = await this.#listings.during(bucket, [closing, caller], (signal) =>
      listFiles(this.#sources.open(source), prefixes, types, signal),
    );
    const { call, ...counted } = await inBoundedTransaction(pool, bucket, async (client) => {
      await boundLockWaits(client, TURN_WAIT_MS);
      await takeTurn(client, bucket);
      await boundLockWaits(client, ROWS_WAIT_MS);
      await refuseContradiction(client, bucket, write);
      const newFiles = await queueFiles(client, bucket, listing);
      const call = await recordCall(client, bucket, write);
      return { call, newFiles, totalFiles: totalOf(await countFilesByStatus(client, bucket)) };
    });
    await releaseOrphans(pool, bucket);
    closing.throwIfAborted();
    await this.#begin({ ...request, call });
    return { ...counted, notes: listing };
  }

  /** @throws ClientError when nobody ever called for the bucket */
  async status(bucket: string): Promise<BucketStatus> {
    const { pool } = this.#options;
    const status = await bucketStatus(pool, bucket);
    const load = [...this.#running].find((running) => running.bucket === bucket);
    if (load !== undefined && status.state !== 'completed') {
      // This process knows better than the database, to which a lost session is like a dead replica.
      const isKnown = status.state === 'in-progress';
      return inProgress(status, isKnown ? (status.message ?? load.waitsFor) : (load.waitsFor ?? RECONNECTING));
    }
    const knownMs = performance.now() - this.#startedAt;
    if (status.state !== 'interrupted' || !(await isReconnecting(pool, bucket, knownMs))) return status;
    return inProgress(status, RESTARTED);
  }

  /** What a verbose status adds. */
  async report(bucket: string): Promise<LoadReport> {
    return await loadReport(this.#options.pool, bucket);
  }

  /** The buckets that were ever called for, the latest call first. */
  async buckets(): Promise<string[]> {
    return await listBuckets(this.#options.pool);
  }

  /**
   * Cancels the bucket's load on all replicas: they begin no further file, and those in flight roll back to the queue.
   * Calls to this process that still list the bucket end as well.
   * @throws ClientError when nobody loads the bucket
   */
  async cancel(bucket: string): Promise<BucketStatus> {
    const { pool } = this.#options;
    const ended = this.#listings.cancel(bucket);
    if (ended > 0 && (await findWriteOptions(pool, bucket)) === undefined)
      return { state: 'interrupted', progress: { total: 0 } };
    const status = await this.status(bucket);
    if (ended > 0 && status.state !== 'in-progress') return status;
    if (status.state !== 'in-progress') {
      throw new ClientError('domain-error', `Bucket <${bucket}> is not being loaded; its state is ${status.state}.`);
    }
    await cancelCalls(pool, bucket);
    this.#loads.get(bucket)?.cancel();
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
   * Puts the bucket's failed files back in the queue. A load in progress takes them; else the next call does.
   * @param prefixes only files whose keys start with one of these; none means all
   * @throws ClientError when nobody ever called for the bucket
   */
  async retry(bucket: string, prefixes: readonly string[]): Promise<{ retried: number; status: BucketStatus }> {
    const { pool } = this.#options;
    await bucketStatus(pool, bucket);
    const retried = await inBoundedTransaction(pool, bucket, async (client) => {
      await boundLockWaits(client, ROWS_WAIT_MS);
      return await requeueFailedFiles(client, bucket, prefixes);
    });
    return { retried, status: await this.status(bucket) };
  }

  /** Refuses calls from now on, and ends those that are listing. */
  refuseCalls(): void {
    this.#closing.abort(new ClientError('database-unavailable', 'the server is shutting down; call another replica'));
  }

  /**
   * Stops all loads of this process: no further file is begun; those in flight may end within the grace period and
   * then roll back to the queue. Resolves when nothing runs any more.
   */
  async close(): Promise<void> {
    this.refuseCalls();
    const loads = [...this.#running];
    for (const load of loads) load.stop(this.#options.shutdownGraceMs);
    await Promise.all(loads.map((load) => load.ended));
    await this.#statistics.close();
    await this.#workers.close();
  }

  async #begin(request: NumberedRequest): Promise<void> {
    const { bucket } = request;
    if (this.#loads.get(bucket)?.call(request) === true) return;
    const load = new Load(request, { observer: NO_OBSERVER, ...this.#options, workers: this.#workers });
    this.#loads.set(bucket, load);
    this.#running.add(load);
    this.#options.recovery.loadBegins();
    void load.ended.then((types) => {
      this.#options.recovery.loadEnds();
      this.#statistics.refresh(types);
      this.#running.delete(load);
      if (this.#loads.get(bucket) === load) this.#loads.delete(bucket);
    });
    await load.announced;
  }
}

/** The same status, `in-progress` and with this message. */
function inProgress({ message: _, ...status }: BucketStatus, message: string | undefined): BucketStatus {
  return { ...status, state: 'in-progress', ...(message === undefined ? {} : { message }) };
}

/** Concurrent loads of a bucket must use the same write options. */
async function refuseContradiction(db: Queryable, bucket: string, wanted: WriteOptions): Promise<void> {
  const current = await findWriteOptions(db, bucket);
  if (current === undefined || !(await isLoading(db, bucket))) return;
  const differing = WRITE_OPTIONS.filter((name) => current[name] !== wanted[name]);
  if (differing.length === 0) return;
  const list = differing.map((name) => `${storedName(name)}: ${current[name]}`).join(', ');
  throw new ClientError(
    'domain-error',
    `Bucket <${bucket}> is being loaded with ${list}. Call with the same, or wait until that load has ended.`,
  );
}
