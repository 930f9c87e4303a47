import { prepareTable, type TableState } from '../indexes/prepare-table.ts';
import { setWaitsFor } from '../store/bucket-load/bucket-load.ts';
import type { QueuedFile } from '../store/loader-file/list-unfinished-files.ts';
import { atOnce } from './at-once.ts';
import { pause } from './backoff.ts';
import { failUnfinishedFile } from './fail-unfinished-file.ts';
import type { LoadDeps } from './load-deps.ts';
import type { LoadRequest } from './load-request.ts';
import type { LoadSession } from './load-session.ts';

/** Tables that are prepared at the same time. */
const TABLES_AT_ONCE = 4;

/** How long the files of other tables wait for one that takes its time, in ms: an index that is made may take hours. */
const WAIT_MS = 1_000;

export interface LoadTablesDeps extends LoadDeps {
  session: LoadSession;
  /** Whether no further table is to be prepared. */
  isOver: () => boolean;
  /** Told when a table may be ready. */
  onPrepared: () => void;
}

/** The tables that one load of this process writes to. */
export class LoadTables {
  readonly #parts: LoadTablesDeps;
  readonly #states = new Map<string, TableState>();
  readonly #preparing = new Set<string>();
  readonly #work = new Set<Promise<void>>();
  readonly #types = new Set<string>();
  /** Of what is known and being found out; anything older is not to be believed. */
  #generation = 0;
  #needsLook = false;
  #tellsWait = false;
  #failure: { reason: unknown } | undefined;

  constructor(parts: LoadTablesDeps) {
    this.#parts = parts;
  }

  /** The resource types of all tables that were ever prepared. */
  get types(): Iterable<string> {
    return this.#types;
  }

  /** Whether `prepare` would tell something else by now. */
  get needsLook(): boolean {
    return this.#needsLook;
  }

  /** Forgets all: the session that said what is needed of the tables was lost, or somebody has taken no notice. */
  invalidate(): void {
    this.#generation++;
    this.#states.clear();
    this.#needsLook = true;
  }

  /** Forgets which keys could not be made: somebody calls again. */
  invalidatePrimaryKeyMissing(): void {
    this.#generation++;
    for (const [type, { kind }] of this.#states) if (kind === 'primary-key-missing') this.#states.delete(type);
  }

  /**
   * Makes the files' tables ready. Files whose table cannot be made are failed, so that none keeps the others waiting.
   * @returns the files that can be loaded now, and whether no others are to be expected
   * @throws when the database stays out of reach
   */
  async prepare(
    files: readonly QueuedFile[],
    request: LoadRequest,
  ): Promise<{ loadable: QueuedFile[]; isAll: boolean }> {
    const byType = Map.groupBy(files, (file) => file.type);
    const fresh = [...byType.keys()].filter((type) => !this.#states.has(type) && !this.#preparing.has(type));
    if (fresh.length > 0) await this.#startWork(fresh, request);
    if (this.#failure !== undefined) throw this.#failure.reason;
    this.#needsLook = false;
    const loadable: QueuedFile[] = [];
    const waits: string[] = [];
    let isAll = true;
    for (const [type, ofType] of byType) {
      const state = this.#states.get(type);
      isAll &&= state?.kind === 'ready' || state?.kind === 'primary-key-missing';
      if (state?.kind === 'ready') loadable.push(...ofType);
      if (state?.kind === 'later') waits.push(state.until);
      if (state === undefined) waits.push(`the table of ${type} is prepared`);
      // Both are to be tried again as soon as there are files.
      if (state?.kind === 'later' || state?.kind === 'unusable') this.#states.delete(type);
      if (state?.kind === 'unusable') await this.#fail(ofType, state);
    }
    await this.#tell(request.bucket, waits);
    return { loadable, isAll };
  }

  /** Waits for all that is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#work);
  }

  /** Resolves when these tables are prepared, or have taken too long to be waited for. */
  async #startWork(types: readonly string[], request: LoadRequest): Promise<void> {
    for (const type of types) {
      this.#preparing.add(type);
      this.#types.add(type);
    }
    const ended = new AbortController();
    const work = atOnce(TABLES_AT_ONCE, types, (type) => this.#prepareOne(type, request))
      .catch((reason: unknown) => {
        this.#failure ??= { reason };
      })
      .finally(() => {
        this.#work.delete(work);
        ended.abort();
      });
    this.#work.add(work);
    await pause(WAIT_MS, ended.signal);
  }

  async #prepareOne(type: string, { bucket, write }: LoadRequest): Promise<void> {
    const { retryPolicy, isOver, onPrepared } = this.#parts;
    const generation = this.#generation;
    try {
      if (isOver()) return;
      const state = await retryPolicy.do(() => prepareTable({ ...this.#parts, bucket, type, write }));
      if (generation === this.#generation) this.#states.set(type, state);
    } finally {
      this.#preparing.delete(type);
      this.#needsLook = true;
      onPrepared();
    }
  }

  async #fail(files: readonly QueuedFile[], { failure }: Extract<TableState, { kind: 'unusable' }>): Promise<void> {
    const { pool, log, retryPolicy } = this.#parts;
    for (const { id } of files) await retryPolicy.do(() => failUnfinishedFile(pool, id, failure));
    log.error({ code: failure.code, files: files.length }, 'files failed: their table cannot be made');
  }

  /** Puts what is waited for into the status answer, or takes it back. */
  async #tell(bucket: string, waits: readonly string[]): Promise<void> {
    if (waits.length === 0 && !this.#tellsWait) return;
    const text = waits.length === 0 ? undefined : `Waits until ${waits.join('; ')}.`;
    await this.#parts.retryPolicy.do(() => setWaitsFor(this.#parts.pool, bucket, text));
    this.#tellsWait = text !== undefined;
  }
}
