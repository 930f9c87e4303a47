import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import type { DatabaseAddress } from '../db/connection-options.ts';
import { type ClaimedFile, claimLoaderFile } from '../db/loader-file/claim-loader-file.ts';
import { listUnfinishedFiles } from '../db/loader-file/list-unfinished-files.ts';
import { ensureResourceTable, tableName } from '../db/resource-tables.ts';
import { backOff, pause } from './backoff.ts';
import { disableIndexes } from './disable-indexes.ts';
import { failUnfinishedFile } from './fail-unfinished-file.ts';
import { isDatabaseUnreachable, toFileFault } from './file-fault.ts';
import { FileQueue } from './file-queue.ts';
import type { FileOutcome, FileProgress } from './file-task.ts';
import { finishLoad } from './finish-load.ts';
import { bucketName, type LoadRequest } from './load-request.ts';
import { LoadSession } from './load-session.ts';
import { schedule } from './schedule.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface BucketLoadParts {
  address: DatabaseAddress;
  pool: pg.Pool;
  workers: WorkerPool;
  log: Logger;
}

/** Attempts at a file whose fault may pass (a lock, a 503, a lost connection) before it becomes `error`. */
const FILE_ATTEMPTS = 5;

/** How long the load waits for a database that cannot be reached before it gives up, in ms. */
const DATABASE_PATIENCE_MS = 10 * 60_000;

/** How often files in other replicas' hands are looked at, in ms: what takes over a dead replica's. */
const SWEEP_MS = 1_000;

/**
 * The work of this process on one bucket: as many lanes as the call's `thread-num`, each taking one file at a time
 * from the queue that all replicas share, until no file within the calls' prefixes is unfinished, wherever it is
 * being loaded. A later call for the bucket is merged in. Never rejects: what goes wrong is logged, and stands in the
 * LoaderFiles.
 */
export class BucketLoad {
  /** The files being loaded here, by LoaderFile id. */
  readonly progress = new Map<string, FileProgress & { key: string; size: number }>();

  /** Resolves when a status answer, of any replica, shows that the bucket is worked on; or when it never will be. */
  readonly announced: Promise<void>;

  readonly #parts: BucketLoadParts;
  readonly #queue = new FileQueue();
  readonly #stop = new AbortController();
  readonly #session: LoadSession;
  readonly #prepared = new Set<string>();
  #request: LoadRequest;
  #prefixes: readonly string[];
  #calls = 1;
  readonly #announce: () => void;
  #closed = false;
  #sawFiles = false;
  #unreachableSince: number | undefined;

  constructor(request: LoadRequest, parts: BucketLoadParts) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.announced = promise;
    this.#announce = resolve;
    this.#request = request;
    this.#prefixes = request.prefixes;
    this.#parts = { ...parts, log: parts.log.child({ bucket: request.bucket }) };
    this.#session = new LoadSession(parts.address, request.bucket, this.#stop.signal, (error) =>
      this.#parts.log.warn({ reason: error.message }, 'lost the connection that stands for the load; making it again'),
    );
  }

  /**
   * Merges a later call for the same bucket: its account and settings count for the files not yet begun.
   * @returns false when it comes too late: the load has seen its last file
   */
  extend(request: LoadRequest): boolean {
    if (this.#closed) return false;
    const everything = this.#prefixes.length === 0 || request.prefixes.length === 0;
    this.#prefixes = everything ? [] : [...this.#prefixes, ...request.prefixes];
    this.#request = request;
    this.#calls++;
    return true;
  }

  /** Begins no further file; those in hand roll back and return to the queue. `run` ends soon after. */
  stop(): void {
    this.#closed = true;
    this.#stop.abort();
  }

  /** Works until the bucket is finished or the load is stopped. */
  async run(): Promise<void> {
    const { log } = this.#parts;
    const started = performance.now();
    try {
      await this.#session.join(this.#announce);
      await this.#loadAll();
      if (!this.#stop.signal.aborted) {
        await finishLoad({
          ...this.#parts,
          bucket: this.#request.bucket,
          session: this.#session.connection,
          analyze: this.#sawFiles,
        });
      }
      log.info(
        { ms: Math.round(performance.now() - started) },
        this.#stop.signal.aborted ? 'load stopped' : 'load finished',
      );
    } catch (error) {
      log.error({ err: error }, 'load interrupted; calling load-from-bucket again continues it');
    } finally {
      this.#announce();
      this.#closed = true;
      await this.#session.end();
    }
  }

  /** Passes over the queue until nothing within the prefixes is unfinished, here or on other replicas. */
  async #loadAll(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const calls = this.#calls;
      const unfinished = await this.#withPatience(() =>
        listUnfinishedFiles(this.#parts.pool, this.#request.bucket, this.#prefixes),
      );
      if (unfinished.length === 0 && calls === this.#calls) {
        this.#closed = true;
        return;
      }
      this.#sawFiles = true;
      await this.#withPatience(() => this.#prepareTables(new Set(unfinished.map((file) => file.type))));
      this.#queue.refill(schedule(unfinished, this.#request.scheduler));
      const begun = await this.#runLanes(calls);
      if (begun === 0) await pause(SWEEP_MS, this.#stop.signal);
    }
  }

  async #prepareTables(types: ReadonlySet<string>): Promise<void> {
    const { pool, log } = this.#parts;
    const { write } = this.#request;
    const fresh = [...types].filter((type) => !this.#prepared.has(type));
    for (const type of fresh) await ensureResourceTable(pool, type);
    if (write['disable-idx?'] || write['drop-primary-key?']) {
      await disableIndexes({
        pool,
        session: this.#session.connection,
        tables: fresh.map(tableName),
        which: { primaryKey: write['drop-primary-key?'], others: write['disable-idx?'] },
        onKept: (table, reason) => log.warn({ table, reason }, 'index kept'),
      });
    }
    for (const type of fresh) this.#prepared.add(type);
  }

  /** @returns how many files were begun here in this pass */
  async #runLanes(calls: number): Promise<number> {
    let begun = 0;
    const claims = new Turnstile();
    const lane = async () => {
      // A call that came meanwhile has its files queued: the pass ends, so that the next one schedules them.
      while (!this.#stop.signal.aborted && calls === this.#calls) {
        const claimed = await claims.run(() => this.#withPatience(() => this.#claim()));
        if (claimed === undefined) return;
        begun++;
        await this.#loadClaimed(claimed);
      }
    };
    await Promise.all(Array.from({ length: this.#request.threadNum }, lane));
    return begun;
  }

  async #claim(): Promise<ClaimedFile | undefined> {
    for (;;) {
      const candidates = this.#queue.candidates();
      if (candidates.length === 0 || this.#stop.signal.aborted) return undefined;
      const claimed = await claimLoaderFile(this.#parts.pool, candidates);
      if (claimed !== undefined) {
        this.#queue.take(claimed.id, candidates);
        return claimed;
      }
      this.#queue.passOver(candidates);
    }
  }

  /** Loads a claimed file, again and with a pause where its fault may pass. */
  async #loadClaimed(first: ClaimedFile): Promise<void> {
    let claimed: ClaimedFile | undefined = first;
    try {
      for (let attempt = 1; claimed !== undefined; ) {
        const outcome = await this.#loadOnce(claimed);
        if (outcome.kind !== 'retry') return;
        const { fault } = outcome;
        // A database out of reach is no file's fault: patience for it is counted by time, not by attempts.
        if (!isDatabaseUnreachable(fault) && ++attempt > FILE_ATTEMPTS) {
          await this.#withPatience(() => failUnfinishedFile(this.#parts.pool, first.id, fault));
          return;
        }
        await backOff(attempt, this.#stop.signal);
        if (this.#stop.signal.aborted) return;
        claimed = await this.#withPatience(() => claimLoaderFile(this.#parts.pool, [first.id]));
      }
    } finally {
      this.#queue.release(first.id);
    }
  }

  async #loadOnce({ id, file }: ClaimedFile): Promise<FileOutcome> {
    const { account, timeouts, write, bucket } = this.#request;
    const { file: key = '', type = '', size = 0, etag } = file;
    const entry = { key, size, bytes: 0, rows: 0 };
    this.progress.set(id, entry);
    try {
      const outcome = await this.#parts.workers.run(
        { id, bucket: bucketName(bucket), key, type, size, etag, account, timeouts, upsert: write['upsert?'] },
        { signal: this.#stop.signal, onProgress: (progress) => Object.assign(entry, progress) },
      );
      this.#logOutcome(key, outcome);
      return outcome;
    } catch (error) {
      // The worker thread died, out of memory for instance; its connection is gone and with it all of the file's rows.
      const fault = { ...toFileFault(error), transient: true };
      this.#parts.log.error({ file: key, err: error }, 'a worker thread died');
      return { kind: 'retry', fault };
    } finally {
      this.progress.delete(id);
    }
  }

  #logOutcome(key: string, outcome: FileOutcome): void {
    const { log } = this.#parts;
    // Messages may quote a resource; the log gets the place and the code, the LoaderFile has the rest.
    const fault =
      'fault' in outcome ? { source: outcome.fault.source, code: outcome.fault.code, line: outcome.fault.line } : {};
    const figures = 'figures' in outcome ? outcome.figures : {};
    const level = outcome.kind === 'failed' || outcome.kind === 'retry' ? 'warn' : 'info';
    log[level]({ file: key, ...figures, ...fault }, `file ${outcome.kind}`);
  }

  /**
   * Does what needs the database, again and again while the database cannot be reached, for ten minutes at most.
   */
  async #withPatience<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await work();
        this.#unreachableSince = undefined;
        return result;
      } catch (error) {
        const fault = toFileFault(error);
        this.#unreachableSince ??= performance.now();
        const waited = performance.now() - this.#unreachableSince;
        if (!fault.transient || waited > DATABASE_PATIENCE_MS || this.#stop.signal.aborted) throw error;
        this.#parts.log.warn({ code: fault.code, attempt }, 'database not reachable; trying again');
        await backOff(attempt, this.#stop.signal);
      }
    }
  }
}

/** Lets one caller through at a time, in the order of their coming. */
class Turnstile {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
