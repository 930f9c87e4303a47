import { awaitWithin } from '../errors/await-within.ts';
import { countDisabledIndexes } from '../store/disabled-index/disabled-index.ts';
import { countRecentFiles, type FileCount } from '../store/loader-file/bucket-files.ts';
import type { Queryable } from '../store/query.ts';

/** What a scrape reads from the database; the same on every replica. */
export interface Figures {
  files: readonly FileCount[];
  disabledIndexes: number;
}

/** Buckets count for this long after the last call for them. */
const DAYS = 7;

/** How long figures are used again, in ms: counting 100,000 files takes a tenth of a second. */
const FRESH_MS = 10_000;

/** Longest wait of a scrape, in ms; Prometheus gives up after 10 s by default. */
const TIMEOUT_MS = 3_000;

/** Reads the figures at most once at a time and not too often, however many ask. */
export class DatabaseFigures {
  readonly #db: Queryable;
  #reading: Promise<Figures> | undefined;
  #last: { figures: Figures; at: number } | undefined;

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** @returns undefined while the database does not answer */
  async read(): Promise<Figures | undefined> {
    if (this.#last !== undefined && performance.now() - this.#last.at < FRESH_MS) return this.#last.figures;
    this.#reading ??= this.#query().finally(() => {
      this.#reading = undefined;
    });
    const wait = { limitMs: TIMEOUT_MS, late: () => new Error('the database does not answer') };
    return await awaitWithin(this.#reading, wait).catch(() => undefined);
  }

  async #query(): Promise<Figures> {
    const files = await countRecentFiles(this.#db, DAYS);
    const disabledIndexes = await countDisabledIndexes(this.#db);
    const figures = { files, disabledIndexes };
    this.#last = { figures, at: performance.now() };
    return figures;
  }
}
