import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { type ClaimedFile, claimLoaderFile } from '../db/loader-file/claim-loader-file.ts';
import type { QueuedFile } from '../db/loader-file/list-unfinished-files.ts';
import { backOff } from './backoff.ts';
import type { DatabasePatience } from './database-patience.ts';
import { failUnfinishedFile } from './fail-unfinished-file.ts';
import { isDatabaseUnreachable, toFileFault } from './file-fault.ts';
import { FileQueue } from './file-queue.ts';
import type { FileFigures, FileOutcome, FileProgress } from './file-task.ts';
import type { LoadObserver } from './load-observer.ts';
import { bucketName, type LoadRequest } from './load-request.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface FileLanesParts {
  pool: pg.Pool;
  workers: WorkerPool;
  log: Logger;
  observer: LoadObserver;
  patience: DatabasePatience;
  /** Aborted: files in hand roll back. */
  signal: AbortSignal;
}

/** Attempts at a file whose fault may pass (a lock, a 503) before it becomes `error`. */
const FILE_ATTEMPTS = 5;

/** Size from which a file may be dealt to several backends, in bytes of the object: a second or two of COPY. */
const SPREAD_FROM_BYTES = 4 * 1024 * 1024;

/** One thread encodes for all of a file's backends; it keeps up with about this many. */
const MOST_BACKENDS = 8;

/** The files that one load of this process has in hand: `thread-num` lanes, each with one file at a time. */
export class FileLanes {
  /** How far the files in hand are, by LoaderFile id. */
  readonly progress = new Map<string, FileProgress>();

  /** Prepared transactions that the server has room for; 0 where it does not know two-phase commit. */
  maxShares = 0;

  readonly #parts: FileLanesParts;
  readonly #queue = new FileQueue();
  #finished: FileProgress = { bytes: 0, rows: 0 };
  #claims: Promise<unknown> = Promise.resolve();
  #passEnds = false;

  constructor(parts: FileLanesParts) {
    this.#parts = parts;
  }

  /** What has been received and written here so far, of files that ended in any way and of those in hand. */
  totals(): FileProgress {
    let { bytes, rows } = this.#finished;
    for (const file of this.progress.values()) {
      bytes += file.bytes;
      rows += file.rows;
    }
    return { bytes, rows };
  }

  /**
   * Over how many backends a file is dealt: its share of the bytes still to be loaded, so that the last large files
   * keep all of the call's threads busy. Files that load in a second are not worth a second commit.
   */
  #backendsFor(size: number, { threadNum, write, maxErrors }: LoadRequest): number {
    const plain = !write['upsert?'] && maxErrors === 0;
    if (!plain || size < SPREAD_FROM_BYTES || this.maxShares === 0) return 1;
    const rest = this.#queue.bytesLeft + size;
    return Math.min(threadNum, this.maxShares + 1, MOST_BACKENDS, Math.ceil((threadNum * size) / rest));
  }

  /** The pass under way begins no further file. */
  endPass(): void {
    this.#passEnds = true;
  }

  /**
   * Loads the files, in this order, but for those that other replicas have in hand.
   * @returns how many files were begun here
   * @throws when the database stays out of reach
   */
  async pass(files: readonly QueuedFile[], request: LoadRequest): Promise<number> {
    this.#passEnds = false;
    this.#queue.refill(files);
    let begun = 0;
    const lane = async () => {
      for (;;) {
        const claimed = await this.#claimInTurn();
        if (claimed === undefined) return;
        begun++;
        await this.#load(claimed, request);
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: request.threadNum }, lane));
    for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
    return begun;
  }

  /** One claim at a time, so that the lanes do not offer the same file twice and begin in order. */
  #claimInTurn(): Promise<ClaimedFile | undefined> {
    const claim = this.#claims.then(() => this.#parts.patience.do(() => this.#claim()));
    this.#claims = claim.catch(() => {});
    return claim;
  }

  async #claim(): Promise<ClaimedFile | undefined> {
    for (;;) {
      const candidates = this.#queue.candidates();
      if (candidates.length === 0 || this.#passEnds || this.#parts.signal.aborted) return undefined;
      const claimed = await claimLoaderFile(this.#parts.pool, candidates);
      if (claimed !== undefined) {
        this.#queue.take(claimed.id, candidates);
        return claimed;
      }
      this.#queue.passOver(candidates);
    }
  }

  /** Loads a claimed file, again and with a pause where its fault may pass. */
  async #load(first: ClaimedFile, request: LoadRequest): Promise<void> {
    const { pool, patience, signal } = this.#parts;
    let claimed: ClaimedFile | undefined = first;
    let attempts = 0;
    try {
      while (claimed !== undefined && !signal.aborted) {
        const outcome = await this.#loadOnce(claimed, request);
        if (outcome.kind !== 'retry') return patience.reached();
        const { fault } = outcome;
        // A database out of reach is no fault of the file's: patience for it is counted by time, not by attempts.
        if (isDatabaseUnreachable(fault)) {
          if (!(await patience.wait(fault))) return;
        } else if (++attempts < FILE_ATTEMPTS) await backOff(attempts, signal);
        else {
          await patience.do(() => failUnfinishedFile(pool, first.id, fault));
          return;
        }
        claimed = await patience.do(() => claimLoaderFile(pool, [first.id]));
      }
    } finally {
      this.#queue.release(first.id);
    }
  }

  async #loadOnce({ id, file }: ClaimedFile, request: LoadRequest): Promise<FileOutcome> {
    const { account, timeouts, write, bucket, maxErrors } = request;
    const { file: key = '', type = '', size = 0, etag } = file;
    this.progress.set(id, { bytes: 0, rows: 0 });
    this.#parts.observer.onFileBegun();
    let ended: FileOutcome | undefined;
    try {
      ended = await this.#parts.workers.run(
        {
          id,
          bucket: bucketName(bucket),
          key,
          type,
          size,
          etag,
          account,
          timeouts,
          upsert: write['upsert?'],
          maxErrors,
          backends: this.#backendsFor(file.size ?? 0, request),
        },
        { signal: this.#parts.signal, onProgress: (progress) => this.#progressed(id, progress) },
      );
      this.#log(key, ended);
      if ('figures' in ended) this.#progressed(id, ended.figures);
      return ended;
    } catch (error) {
      // The worker thread died, out of memory for instance; its connection is gone and with it all of the file's rows.
      this.#parts.log.error({ file: key, err: error }, 'a worker thread died');
      ended = { kind: 'retry', fault: { ...toFileFault(error), transient: true } };
      return ended;
    } finally {
      const { bytes, rows } = this.progress.get(id) ?? { bytes: 0, rows: 0 };
      this.#finished = { bytes: this.#finished.bytes + bytes, rows: this.#finished.rows + rows };
      this.progress.delete(id);
      if (ended !== undefined) this.#parts.observer.onFileEnded(ended);
    }
  }

  #progressed(id: string, { bytes, rows }: FileProgress): void {
    const before = this.progress.get(id) ?? { bytes: 0, rows: 0 };
    this.progress.set(id, { bytes, rows });
    // A body that a store sent anew, or rows taken back, make no total smaller.
    const more = { bytes: Math.max(0, bytes - before.bytes), rows: Math.max(0, rows - before.rows) };
    this.#parts.observer.onProgress(more);
  }

  #log(key: string, outcome: FileOutcome): void {
    const { log } = this.#parts;
    // Messages may quote a resource; the log gets the place and the code, the LoaderFile has the rest.
    const fault =
      'fault' in outcome ? { source: outcome.fault.source, code: outcome.fault.code, line: outcome.fault.line } : {};
    const figures: Partial<FileFigures> = 'figures' in outcome ? outcome.figures : {};
    const whole = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value)]));
    const level = outcome.kind === 'failed' || outcome.kind === 'retry' ? 'warn' : 'info';
    log[level]({ file: key, ...whole, ...fault }, `file ${outcome.kind}`);
  }
}
