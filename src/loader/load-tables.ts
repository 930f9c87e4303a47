import type { FastifyBaseLogger as Logger } from 'fastify';
import type pg from 'pg';
import { setLoadMessage } from '../db/bucket-load/bucket-load.ts';
import type { QueuedFile } from '../db/loader-file/list-unfinished-files.ts';
import type { DatabasePatience } from './database-patience.ts';
import { failUnfinishedFile } from './fail-unfinished-file.ts';
import type { LoadObserver } from './load-observer.ts';
import type { LoadRequest } from './load-request.ts';
import type { LoadSession } from './load-session.ts';
import { prepareTable, type TableState } from './prepare-table.ts';

export interface LoadTablesParts {
  pool: pg.Pool;
  log: Logger;
  observer: LoadObserver;
  patience: DatabasePatience;
  session: LoadSession;
  /** Aborted: the load is given up. */
  signal: AbortSignal;
}

/** The tables that one load of this process writes to, each prepared once. */
export class LoadTables {
  readonly #parts: LoadTablesParts;
  /** What is to be tried again as soon as there are files is not among them. */
  readonly #states = new Map<string, TableState>();
  #isForgotten = false;

  constructor(parts: LoadTablesParts) {
    this.#parts = parts;
  }

  /** The resource types met so far. */
  get types(): Iterable<string> {
    return this.#states.keys();
  }

  /** Forgets all: what is needed of the tables is to be said anew, on a new session. */
  forget(): void {
    this.#states.clear();
    this.#isForgotten = true;
  }

  /** Whether `prepare` has not been called since `forget`. */
  get isForgotten(): boolean {
    return this.#isForgotten;
  }

  /** Forgets which keys could not be made: somebody calls again. */
  forgetKeyless(): void {
    for (const [type, { kind }] of this.#states) if (kind === 'keyless') this.#states.delete(type);
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
    const { pool, patience } = this.#parts;
    this.#isForgotten = false;
    const loadable: QueuedFile[] = [];
    const awaited: string[] = [];
    let isAll = true;
    for (const [type, ofType] of Map.groupBy(files, (file) => file.type)) {
      const state = await patience.do(() => this.#stateOf(type, request));
      if (state.kind === 'ready') loadable.push(...ofType);
      if (state.kind === 'later') awaited.push(state.index);
      if (state.kind === 'unusable') await this.#fail(ofType, state);
      isAll &&= state.kind === 'ready' || state.kind === 'keyless';
    }
    const waits = `Waits until ${awaited.join(', ')} can be restored, which the load of another bucket has dropped.`;
    await patience.do(() => setLoadMessage(pool, request.bucket, awaited.length === 0 ? undefined : waits));
    return { loadable, isAll };
  }

  async #stateOf(type: string, { bucket, write }: LoadRequest): Promise<TableState> {
    const known = this.#states.get(type);
    if (known !== undefined) return known;
    const state = await prepareTable({
      ...this.#parts,
      // Asked for at each attempt: a lost session is made again.
      session: this.#parts.session.connection,
      bucket,
      type,
      write,
    });
    if (state.kind === 'ready' || state.kind === 'keyless') this.#states.set(type, state);
    return state;
  }

  async #fail(files: readonly QueuedFile[], { fault }: Extract<TableState, { kind: 'unusable' }>): Promise<void> {
    const { pool, log, patience } = this.#parts;
    for (const { id } of files) await patience.do(() => failUnfinishedFile(pool, id, fault));
    log.error({ code: fault.code, files: files.length }, 'files failed: their table cannot be made');
  }
}
