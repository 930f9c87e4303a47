import type pg from 'pg';
import { FILE_HEADER, FILE_TRAILER } from '../pipeline/copy-row-writer.ts';
import { RowEncoder } from '../pipeline/row-encoder.ts';
import type { StageTimes } from '../pipeline/stage-times.ts';
import { rowOfCopyError } from './copy-position.ts';
import type { CopyRowsOptions, HashedLookUp } from './copy-rows-options.ts';
import { EncodedCopy } from './encoded-copy.ts';
import { HashedRun } from './hashed-run.ts';
import type { RowCopy } from './row-copy.ts';
import type { RowLookUp } from './row-look-up.ts';
import { RowRanges } from './row-ranges.ts';
import { sendCopy } from './send-copy.ts';

/** Size of the rows that are looked up together, in bytes. */
const RUN_BYTES = 2 * 1024 * 1024;
/** Rows of several runs wait for each other until they are this many bytes: a COPY for a few rows is mostly round trips. */
const COPY_BYTES = 512 * 1024;
/** Of a run with fewer rows found than this part, the next runs are sent without a look-up: most of the file has changed. */
const WORTHWHILE = 0.1;
/** Runs that are sent without a look-up before one is tried again: twice as many each time. */
const FEWEST_SKIPPED = 2;
const MOST_SKIPPED = 16;

/**
 * Sends only the rows that are not stored already: encoded rows are gathered to runs, each looked up by its hashes while the
 * next run is encoded; those that are not found are sent by a COPY once they are worth one. Fails at the first line that cannot be
 * encoded, or that Postgres refuses.
 */
export class UnstoredCopy extends EncodedCopy implements RowCopy {
  readonly memory = 'passing';
  readonly badLines = [];
  readonly failed: Promise<never>;

  readonly #client: pg.ClientBase;
  readonly #statement: string;
  readonly #lookUp: RowLookUp;
  readonly #times: StageTimes;
  protected readonly encoder: RowEncoder;
  readonly #abort = new AbortController();
  readonly #fail: (reason: unknown) => void;
  #run = new HashedRun();
  #sending: Promise<void> = Promise.resolve();
  /** Bytes of the rows that are to be sent by the next COPY, copied from their runs, and their 1-based numbers in the file. */
  #waiting: Buffer[] = [];
  #waitingRows = new RowRanges();
  /** Rows of the runs before this one. */
  #rowsBefore = 0;
  /** Runs to be sent without a look-up, and how many it will be when the next look-up finds little as well. */
  #skips = 0;
  #nextSkips = FEWEST_SKIPPED;
  /** The rows of the COPY in flight, by their 1-based numbers in the file. */
  #sent = new RowRanges();

  constructor(client: pg.ClientBase, options: CopyRowsOptions, lookUp: HashedLookUp) {
    const { statement, encoder, times } = options;
    super();
    this.#client = client;
    this.#statement = statement;
    this.#lookUp = lookUp.rows;
    if (lookUp.rows.isEmpty) this.#skips = Number.POSITIVE_INFINITY;
    this.#times = times;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.failed = promise;
    this.#fail = reject;
    const hasher = lookUp.hashes.hasher(lookUp.rows.key, encoder.defaultTs);
    let opening = FILE_HEADER.length;
    const take = (chunk: Buffer, reuse: () => void) => {
      this.#run.add(hasher.hash(chunk, opening, this.#rowsBefore + this.#run.rows + 1), reuse);
      opening = 0;
    };
    this.encoder = new RowEncoder(encoder, [take]);
  }

  async write(chunk: Buffer): Promise<void> {
    this.encoder.write(chunk);
    if (this.#run.bytes < RUN_BYTES) return;
    this.#hashRest(() => this.encoder.flush());
    await this.#sendRun();
  }

  async end(): Promise<void> {
    this.#hashRest(() => this.encoder.end());
    await this.#sendRun({ isLast: true });
    await this.#settled();
  }

  async abort(reason: Error): Promise<void> {
    this.#abort.abort(reason);
    await this.#sending.catch(() => {});
  }

  lineOf(error: unknown): number | undefined {
    const row = this.#sent.at((rowOfCopyError(error, this.#statement) ?? 0) - 1);
    return row === undefined ? undefined : this.lineOfRow(row);
  }

  lineOfRow(row: number): number | undefined {
    return this.encoder.lineMap.lineOf(row);
  }

  /** @param emit hands on what is left, which the encoder does not count as its time */
  #hashRest(emit: () => void): void {
    const started = performance.now();
    emit();
    this.encoder.busyMs += performance.now() - started;
  }

  /** Sends the run once the one before is sent; resolves when that is. */
  async #sendRun({ isLast = false } = {}): Promise<void> {
    const run = this.#run;
    this.#run = new HashedRun();
    const firstRow = this.#rowsBefore + 1;
    this.#rowsBefore += run.rows;
    await this.#settled();
    this.#sending = this.#send(run, firstRow, isLast);
    this.#sending.catch(this.#fail);
  }

  async #settled(): Promise<void> {
    const started = performance.now();
    await this.#sending;
    this.#times.postgresMs += performance.now() - started;
  }

  async #send(run: HashedRun, firstRow: number, isLast: boolean): Promise<void> {
    const rows = await this.#othersOf(run, firstRow);
    for (const [from, to] of rows) this.#waitingRows.add(firstRow + from, firstRow + to);
    const parts = [...run.bytesOf(rows)];
    const bytes = [...this.#waiting, ...parts].reduce((sum, { length }) => sum + length, 0);
    if (isLast || bytes >= COPY_BYTES) await this.#copy(parts);
    else if (parts.length > 0) this.#waiting.push(Buffer.concat(parts));
    run.reuse();
  }

  /** The rows of a run that are to be sent, 0-based. */
  async #othersOf(run: HashedRun, firstRow: number): Promise<RowRanges> {
    if (run.rows === 0) return new RowRanges();
    if (this.#skips > 0) {
      this.#skips--;
      return RowRanges.except([], run.rows);
    }
    const others = await this.#lookUp.findOthers(this.#client, firstRow, run.hashFields);
    if (run.rows - others.count < WORTHWHILE * run.rows) {
      this.#skips = this.#nextSkips;
      this.#nextSkips = Math.min(2 * this.#nextSkips, MOST_SKIPPED);
    } else this.#nextSkips = FEWEST_SKIPPED;
    return others;
  }

  /** @param parts bytes of the last rows, which do not outlive the call */
  async #copy(parts: readonly Buffer[]): Promise<void> {
    const pieces = [FILE_HEADER, ...this.#waiting, ...parts, FILE_TRAILER];
    const rows = this.#waitingRows;
    this.#waiting = [];
    this.#waitingRows = new RowRanges();
    if (rows.count === 0) return;
    const { signal } = this.#abort;
    signal.throwIfAborted();
    this.#sent = rows;
    await sendCopy(this.#client, { statement: this.#statement, pieces, rows: rows.count }, signal);
  }
}
