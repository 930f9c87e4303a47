import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { ProgressPublisher } from '../progress/progress-publisher.ts';
import { distinctPrefixes } from '../source/distinct-prefixes.ts';
import { isCancelled, setGivenUp } from '../store/bucket-load/bucket-load.ts';
import type { DatabaseAddress } from '../store/connection-options.ts';
import { listUnfinishedFiles } from '../store/loader-file/list-unfinished-files.ts';
import { maxPreparedTransactions } from '../target/partitioned/prepared-partition.ts';
import { recoverBucket } from '../target/partitioned/recover.ts';
import type { WorkerPool } from '../worker/worker-pool.ts';
import { FileSlots } from './file-slots.ts';
import { finishLoad } from './finish-load.ts';
import type { LoadObserver } from './load-observer.ts';
import type { LoadRequest, NumberedRequest } from './load-request.ts';
import { LoadSession } from './load-session.ts';
import { LoadTables } from './load-tables.ts';
import { RetryPolicy } from './retry-policy.ts';
import { schedule } from './schedule.ts';

export interface BucketLoadDeps {
  address: DatabaseAddress;
  pool: pg.Pool;
  buildPool: pg.Pool;
  workers: WorkerPool;
  log: Logger;
  observer: LoadObserver;
}

/**
 * How often a load that has slots to spare looks for files, in ms: what other replicas' calls have queued, and what
 * replicas that died had in hand.
 */
const SWEEP_MS = 1_000;

/** How often a load asks whether it was cancelled, in ms. */
const CANCEL_POLL_MS = 1_000;

/**
 * The work of this process on one bucket: as many slots as the call's `thread-num`, each taking one file at a time
 * from the queue that all replicas share, until no file within the calls' prefixes is unfinished, wherever it is
 * being loaded. A later call for the bucket is merged in. `run` never rejects: what goes wrong is logged, and stands
 * in the LoaderFiles.
 */
export class BucketLoad {
  /** Resolves when a status answer, of any replica, shows that the bucket is worked on; or when it never will be. */
  readonly announced: Promise<void>;

  readonly #parts: BucketLoadDeps;
  readonly #announce: () => void;
  /** Aborted: no further file, and those in hand roll back. */
  readonly #abort = new AbortController();
  /** Aborted: the server shuts down, and its grace period is over. */
  readonly #shutdown = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  readonly #session: LoadSession;
  readonly #retryPolicy: RetryPolicy;
  readonly #slots: FileSlots;
  readonly #publisher: ProgressPublisher;
  readonly #tables: LoadTables;
  /** Resolved when something has happened that may be a reason to look at the queue. */
  #news = Promise.withResolvers<void>();
  #request: NumberedRequest;
  #prefixes: readonly string[];
  /** Set once the load takes no further call: it has seen its last file, or is being stopped. */
  #closed = false;
  #cancelled = false;
  #stopping = false;
  #sawFiles = false;

  constructor(request: NumberedRequest, parts: BucketLoadDeps) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { signal } = this.#abort;
    const log = parts.log.child({ bucket: request.bucket });
    this.announced = promise;
    this.#announce = resolve;
    this.#request = request;
    this.#prefixes = request.prefixes;
    this.#parts = { ...parts, log };
    this.#retryPolicy = new RetryPolicy(log, signal);
    const common = { ...this.#parts, retryPolicy: this.#retryPolicy, signal };
    this.#slots = new FileSlots(
      {
        ...common,
        onSlotEnd: () => this.#news.resolve(),
        onPrimaryKeyDropped: () => this.#invalidateTables(),
      },
      request,
    );
    this.#publisher = new ProgressPublisher(parts.pool, request.bucket, this.#slots);
    const signals = { givenUp: signal, shutdown: this.#shutdown.signal };
    this.#session = new LoadSession(parts.address, request.bucket, signals, (error) => {
      log.warn({ reason: error.message }, 'lost the connection that stands for the load; making it again');
      // Its locks said what this load needs of the tables: others may have dropped or restored indexes meanwhile.
      this.#invalidateTables();
    });
    this.#tables = new LoadTables({
      ...common,
      session: this.#session,
      isOver: () => this.#isOver(),
      onPrepared: () => this.#news.resolve(),
    });
  }

  /**
   * Merges a later call for the same bucket: its account and settings count for the files not yet begun.
   * @returns false when it comes too late: the load has seen its last file
   */
  extend(request: NumberedRequest): boolean {
    if (this.#closed) return false;
    const everything = this.#prefixes.length === 0 || request.prefixes.length === 0;
    this.#prefixes = everything ? [] : distinctPrefixes([...this.#prefixes, ...request.prefixes]);
    this.#request = request;
    this.#tables.invalidatePrimaryKeyMissing();
    this.#slots.hold();
    this.#news.resolve();
    return true;
  }

  /** Begins no further file; those in hand roll back at once and return to the queue. Indexes are still restored. */
  cancel(): void {
    this.#closed = true;
    this.#cancelled = true;
    this.#abort.abort(new Error('the load was cancelled'));
    this.#news.resolve();
  }

  /**
   * Begins no further file; those in hand may end within `graceMs` and then roll back to the queue. Indexes stay as
   * they are: making them may take hours, and the next call does it.
   */
  stop(graceMs: number): void {
    this.#closed = true;
    this.#stopping = true;
    this.#slots.stop();
    this.#news.resolve();
    const timer = setTimeout(() => {
      const reason = new Error('the server is shutting down');
      this.#abort.abort(reason);
      this.#shutdown.abort(reason);
    }, graceMs);
    void this.ended.then(() => clearTimeout(timer));
  }

  /** Resolves when `run` has. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Works until the bucket is finished or the load is cancelled or stopped.
   * @returns the resource types whose tables' statistics are out of date now, and left to this process
   */
  async run(): Promise<readonly string[]> {
    const { log } = this.#parts;
    let types: readonly string[] = [];
    const started = performance.now();
    const watch = this.#watchForCancel();
    try {
      await this.#retryPolicy.do(() => this.#session.join(this.#announce));
      this.#publisher.start();
      this.#slots.maxPartitions = await this.#retryPolicy.do(() => maxPreparedTransactions(this.#parts.pool));
      await this.#loadAll();
      await this.#publisher.stop();
      if (!this.#stopping) {
        const { bucket } = this.#request;
        // A cancelled load brings its indexes back too, whatever the database does meanwhile.
        const retryPolicy = new RetryPolicy(log, this.#shutdown.signal);
        types = await retryPolicy.do(() =>
          finishLoad({
            ...this.#parts,
            bucket,
            types: this.#tables.types,
            // Asked for at each attempt: a lost session is made again.
            session: this.#session.connection,
            signal: this.#shutdown.signal,
          }),
        );
      }
      const end = this.#stopping ? 'stopped' : this.#cancelled ? 'cancelled' : 'finished';
      log.info({ ms: Math.round(performance.now() - started) }, `load ${end}`);
    } catch (error) {
      log.error({ err: error }, 'load interrupted; calling load-from-bucket again continues it');
      await this.#tellGivenUp(error);
    } finally {
      this.#announce();
      this.#closed = true;
      clearInterval(watch);
      await this.#publisher.stop();
      await this.#session.end();
      this.#ended.resolve();
    }
    return this.#sawFiles ? types : [];
  }

  /** Best effort: it may be the database that is out of reach. */
  async #tellGivenUp(error: unknown): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const reason = `The load was given up: ${toFailure(error).message}.`;
    await setGivenUp(this.#parts.pool, this.#request.bucket, reason).catch(() => {});
  }

  /** Keeps the slots supplied until nothing within the prefixes is unfinished, here or on other replicas. */
  async #loadAll(): Promise<void> {
    try {
      await this.#supplySlots();
    } finally {
      this.#closed = true;
      this.#slots.stop();
      await this.#tables.settled();
      await this.#slots.idle();
    }
  }

  async #supplySlots(): Promise<void> {
    const slots = this.#slots;
    while (!this.#isOver()) {
      const request = this.#request;
      const prefixes = this.#prefixes;
      await this.#retryPolicy.do(() => recoverBucket(this.#parts.pool, request.bucket));
      const unfinished = await this.#retryPolicy.do(() =>
        listUnfinishedFiles(this.#parts.pool, request.bucket, prefixes),
      );
      if (this.#request !== request) continue;
      this.#sawFiles ||= unfinished.length > 0;
      const { loadable, isAll } = await this.#tables.prepare(unfinished, request);
      if (this.#request !== request || this.#stopping) continue;
      if (loadable.length === 0 && isAll && slots.isIdle) {
        this.#closed = true;
        return;
      }
      await slots.refill(schedule(loadable, request.scheduler), request);
      await this.#untilNextLook(request);
    }
  }

  /** Whether no further file is to be begun. */
  #isOver(): boolean {
    return this.#abort.signal.aborted || this.#stopping || this.#slots.hasFailed;
  }

  /** Until the slots have done all they were given, one has had nothing to do for a while, or a later call comes. */
  async #untilNextLook(request: LoadRequest): Promise<void> {
    const slots = this.#slots;
    let sweepIsDue = false;
    const timer = setTimeout(() => {
      sweepIsDue = true;
      this.#news.resolve();
    }, SWEEP_MS);
    while (this.#request === request && !this.#isOver() && !this.#tables.needsLook) {
      if (slots.isIdle && slots.hasWorked) break;
      if (slots.hasSpare && sweepIsDue) break;
      await this.#news.promise;
      this.#news = Promise.withResolvers();
    }
    clearTimeout(timer);
  }

  #invalidateTables(): void {
    this.#tables.invalidate();
    this.#news.resolve();
  }

  /** A cancel may be asked of any replica; each load looks for it by itself. */
  #watchForCancel(): NodeJS.Timeout {
    return setInterval(() => {
      const { bucket, call } = this.#request;
      isCancelled(this.#parts.pool, bucket, call).then(
        (cancelled) => {
          if (cancelled && this.#request.call === call) this.cancel();
        },
        // A database out of reach is met, and waited for, by the slots.
        () => {},
      );
    }, CANCEL_POLL_MS);
  }
}
