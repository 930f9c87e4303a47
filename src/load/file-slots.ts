import { isDatabaseUnreachable, toFailure } from '../errors/failure.ts';
import { type ClaimedFile, claimLoaderFile } from '../store/loader-file/claim-loader-file.ts';
import type { QueuedFile } from '../store/loader-file/list-unfinished-files.ts';
import type { FileFigures, FileOutcome, FileProgress } from '../worker/file-task.ts';
import type { WorkerPool } from '../worker/worker-pool.ts';
import { backOff } from './backoff.ts';
import { failUnfinishedFile } from './fail-unfinished-file.ts';
import { FileQueue } from './file-queue.ts';
import type { LoadDeps } from './load-deps.ts';
import type { LoadRequest } from './load-request.ts';
import { OneAtATime } from './one-at-a-time.ts';

export interface FileSlotsDeps extends LoadDeps {
  workers: WorkerPool;
  /** Told when a slot ends: it has found nothing to do. */
  onSlotEnd: () => void;
  /** Told when a table has lost the primary key that the load relies on. */
  onPrimaryKeyDropped: () => void;
}

/** Attempts at a file whose failure may pass (a lock, a 503) before it becomes `error`. */
const FILE_ATTEMPTS = 5;

/** Size from which a file may be dealt to several backends, in bytes of the object: a second or two of COPY. */
const SPREAD_FROM_BYTES = 4 * 1024 * 1024;

/** One thread encodes for all of a file's backends; it keeps up with about this many. */
const MOST_BACKENDS = 8;

/** The files that one load of this process has in hand: `thread-num` slots, each with one file at a time. */
export class FileSlots {
  /** How far the files in hand are, by LoaderFile id. */
  readonly progress = new Map<string, FileProgress>();

  /** Prepared transactions that the server has room for; 0 where it does not know two-phase commit. */
  maxPartitions = 0;

  readonly #parts: FileSlotsDeps;
  readonly #queue = new FileQueue();
  #finished: FileProgress = { bytes: 0, rows: 0 };
  #request: LoadRequest;
  /** Claims and refills: the slots do not offer the same file twice, and begin in order. */
  readonly #turns = new OneAtATime();
  #running = 0;
  #slotEnd = Promise.withResolvers<void>();
  #hasWorked = false;
  /** Resolved by the next `refill` or `stop`; undefined while files may be begun. */
  #held: PromiseWithResolvers<void> | undefined;
  #stopped = false;
  #failure: { reason: unknown } | undefined;

  /** @param request the call whose settings count until the first `refill` */
  constructor(parts: FileSlotsDeps, request: LoadRequest) {
    this.#parts = parts;
    this.#request = request;
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
   * Over how many backends a file is dealt: its partition of the bytes still to be loaded, so that the last large files
   * keep all of the call's threads busy. Files that load in a second are not worth a second commit.
   */
  #partitionsFor(size: number, { threadNum, write, maxErrors }: LoadRequest): number {
    const plain = !write['upsert?'] && maxErrors === 0;
    if (!plain || size < SPREAD_FROM_BYTES || this.maxPartitions === 0) return 1;
    const rest = this.#queue.bytesLeft + size;
    return Math.min(threadNum, this.maxPartitions + 1, MOST_BACKENDS, Math.ceil((threadNum * size) / rest));
  }

  /** Begins no further file until a `refill` that begins after this: a new order and other settings are to come. */
  hold(): void {
    const { resolve } = this.#held ?? {};
    this.#held = Promise.withResolvers();
    // Whoever waits for the former waits for this one then.
    resolve?.();
  }

  /**
   * Replaces what is still to come by these files, in this order, and puts as many slots to work as the call wants.
   * Files in hand go on with the settings that they were begun with.
   */
  async refill(files: readonly QueuedFile[], request: LoadRequest): Promise<void> {
    const held = this.#held;
    await this.#turns.do(async () => this.#queue.refill(files));
    this.#request = request;
    this.#hasWorked = this.#queue.hasInHand;
    if (this.#held === held) this.#release();
    while (this.#running < request.threadNum) this.#startSlot();
  }

  /** No further file is begun. */
  stop(): void {
    this.#stopped = true;
    this.#release();
  }

  /** Whether no file is in hand and none is being begun. */
  get isIdle(): boolean {
    return this.#running === 0;
  }

  /** Whether there are fewer slots at work than the call wants. */
  get hasSpare(): boolean {
    return this.#running < this.#request.threadNum;
  }

  /** Whether there was anything to do since the last `refill`. */
  get hasWorked(): boolean {
    return this.#hasWorked;
  }

  /** Whether the database stays out of reach, so that no further file is begun. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Waits for the files in hand.
   * @throws what made the slots give up, if they did
   */
  async idle(): Promise<void> {
    while (this.#running > 0) await this.#slotEnd.promise;
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  #startSlot(): void {
    this.#running++;
    void this.#slot()
      .catch((reason: unknown) => {
        this.#failure ??= { reason };
        this.stop();
      })
      .finally(() => {
        this.#running--;
        this.#slotEnd.resolve();
        this.#slotEnd = Promise.withResolvers();
        this.#parts.onSlotEnd();
      });
  }

  async #slot(): Promise<void> {
    // More than a later call wants: the first that are free end.
    while (this.#running <= this.#request.threadNum) {
      const claimed = await this.#turns.do(() => this.#parts.retryPolicy.do(() => this.#claim()));
      if (claimed === undefined) {
        if (this.#held === undefined) return;
        await this.#held.promise;
        continue;
      }
      this.#hasWorked = true;
      await this.#load(claimed, this.#request);
    }
  }

  #release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  async #claim(): Promise<ClaimedFile | undefined> {
    for (;;) {
      const candidates = this.#queue.candidates();
      const isOver = candidates.length === 0 || this.#stopped || this.#parts.signal.aborted;
      if (isOver || this.#held !== undefined) return undefined;
      const claimed = await claimLoaderFile(this.#parts.pool, candidates);
      if (claimed !== undefined) {
        this.#queue.take(claimed.id, candidates);
        return claimed;
      }
      this.#queue.passOver(candidates);
    }
  }

  /** Loads a claimed file, again and with a pause where its failure may pass. */
  async #load(first: ClaimedFile, request: LoadRequest): Promise<void> {
    const { pool, retryPolicy, signal } = this.#parts;
    let claimed: ClaimedFile | undefined = first;
    let attempts = 0;
    try {
      while (claimed !== undefined && !signal.aborted && !this.#stopped) {
        const outcome = await this.#loadOnce(claimed, request);
        if (outcome.kind === 'primary-key-dropped') this.#parts.onPrimaryKeyDropped();
        if (outcome.kind !== 'retry') return retryPolicy.reached();
        const { failure } = outcome;
        // A database out of reach is no failure of the file's: patience for it is counted by time, not by attempts.
        if (isDatabaseUnreachable(failure)) {
          if (!(await retryPolicy.wait(failure))) return;
        } else if (++attempts < FILE_ATTEMPTS) await backOff(attempts, signal);
        else {
          await retryPolicy.do(() => failUnfinishedFile(pool, first.id, failure));
          return;
        }
        claimed = await retryPolicy.do(() => claimLoaderFile(pool, [first.id]));
      }
    } finally {
      this.#queue.release(first.id);
    }
  }

  async #loadOnce({ id, file }: ClaimedFile, request: LoadRequest): Promise<FileOutcome> {
    const { source, transform, write, bucket, maxErrors } = request;
    const { file: key = '', type = '', size, etag, 'last-modified': lastModified } = file;
    this.progress.set(id, { bytes: 0, rows: 0 });
    this.#parts.observer.onFileBegun();
    let ended: FileOutcome | undefined;
    try {
      ended = await this.#parts.workers.run(
        {
          id,
          bucket,
          source,
          key,
          type,
          size,
          etag,
          transform,
          // Others than this loader may have written it in a form of their own.
          lastModified: lastModified?.endsWith('Z') === true ? new Date(lastModified) : undefined,
          target: write['upsert?'] ? 'upsert' : 'insert',
          maxErrors,
          requiresPrimaryKey: !write['drop-primary-key?'],
          backends: this.#partitionsFor(file.size ?? 0, request),
        },
        { signal: this.#parts.signal, onProgress: (progress) => this.#progressed(id, progress) },
      );
      this.#log(key, ended);
      if ('figures' in ended) this.#progressed(id, ended.figures);
      return ended;
    } catch (error) {
      // The worker thread died, out of memory for instance; its connection is gone and with it all of the file's rows.
      this.#parts.log.error({ file: key, err: error }, 'a worker thread died');
      ended = { kind: 'retry', failure: { ...toFailure(error), transient: true } };
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
    const failure =
      'failure' in outcome
        ? { source: outcome.failure.source, code: outcome.failure.code, line: outcome.failure.line }
        : {};
    const figures: Partial<FileFigures> = 'figures' in outcome ? outcome.figures : {};
    const whole = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value)]));
    const incomplete = (figures.linesLeftOut ?? 0) > 0;
    const level = outcome.kind === 'failed' || outcome.kind === 'retry' || incomplete ? 'warn' : 'info';
    log[level]({ file: key, ...whole, ...failure }, `file ${outcome.kind}`);
  }
}
