import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { toFailure } from '../errors/failure.ts';
import { LineError } from '../errors/line-error.ts';
import { checkAllStored } from '../errors/rows-kept-out.ts';
import { blamesRow } from '../errors/sqlstate.ts';
import type { ReferenceTally } from '../fhir/reference-target.ts';
import { type BadLine, BadLines, type LinePlace } from '../pipeline/bad-lines.ts';
import { RowEncoder } from '../pipeline/row-encoder.ts';
import type { StageTimes } from '../pipeline/stage-times.ts';
import { rowOfCopyError } from './copy-position.ts';
import type { CopyRowsOptions } from './copy-rows-options.ts';
import { EncodedCopy } from './encoded-copy.ts';
import type { RowCopy } from './row-copy.ts';
import { RowRun } from './row-run.ts';

/** Size of the rows of one COPY, in bytes: what one bad line costs to send again. */
const RUN_BYTES = 4 * 1024 * 1024;

/**
 * Leaves out bad lines, up to a number of them: those that the encoder finds, and those that Postgres refuses. Encoded rows
 * are gathered to runs, each a COPY behind a savepoint; where Postgres refuses a row, the rows before it and those after
 * it are sent again, each as a COPY of its own, so that what was good stays. An error that does not say which row it means
 * (a foreign key, which is checked at the statement's end; whatever a worker of Citus refuses) has its row found by halves.
 */
export class LenientCopy extends EncodedCopy implements RowCopy {
  readonly memory = 'lasting';
  /** A COPY is in flight only while its end is awaited. */
  readonly failed = new Promise<never>(() => {});

  readonly #client: pg.ClientBase;
  readonly #statement: string;
  readonly #times: StageTimes;
  protected readonly encoder: RowEncoder;
  readonly #tally: ReferenceTally | undefined;
  readonly #badLines: BadLines;
  readonly #abort = new AbortController();
  #run = new RowRun();
  #sending: Promise<void> = Promise.resolve();
  #refused = 0;

  /** @param maxErrors most bad lines that may be left out */
  constructor(client: pg.ClientBase, { statement, encoder, times }: CopyRowsOptions, maxErrors: number) {
    super();
    this.#client = client;
    this.#statement = statement;
    this.#times = times;
    this.#tally = encoder.tally;
    this.#badLines = new BadLines(maxErrors);
    this.encoder = new RowEncoder(encoder, [(chunk, reuse) => this.#run.addChunk(chunk, reuse)], {
      onRow: (place, from, to) => this.#run.addRow(place, from, to),
      onBadLine: (place, error) => this.#leaveOut(place, error),
    });
  }

  override get rows(): number {
    return this.encoder.rows - this.#refused;
  }

  get badLines(): readonly BadLine[] {
    return this.#badLines.all;
  }

  async write(chunk: Buffer): Promise<void> {
    this.encoder.write(chunk);
    if (this.#run.bytes < RUN_BYTES) return;
    this.encoder.flush();
    await this.#send();
  }

  async end(): Promise<void> {
    this.encoder.end();
    await this.#send();
  }

  async abort(reason: Error): Promise<void> {
    this.#abort.abort(reason);
    await this.#sending.catch(() => {});
  }

  /** A row that Postgres refuses is left out; no other error names one. */
  lineOf(): undefined {
    return undefined;
  }

  /** Left out lines stand in the place of no row. */
  lineOfRow(): undefined {
    return undefined;
  }

  async #send(): Promise<void> {
    const run = this.#run;
    this.#run = new RowRun();
    const started = performance.now();
    this.#sending = this.#sendRun(run);
    await this.#sending;
    this.#times.postgresMs += performance.now() - started;
  }

  async #sendRun(run: RowRun): Promise<void> {
    const waiting = [{ from: 0, to: run.rows }];
    for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
      const { from, to } = part;
      if (from === to) continue;
      const refused = await this.#tryRows(run, from, to);
      if (refused === 'some-row') {
        const middle = from + Math.floor((to - from) / 2);
        waiting.push({ from: middle, to }, { from, to: middle });
      } else if (refused !== undefined) {
        waiting.push({ from: refused + 1, to }, { from, to: refused });
      }
    }
    run.reuse();
  }

  /** @returns the row that Postgres refused, where it says or there is only one; all of [from, to) are then rolled back */
  async #tryRows(run: RowRun, from: number, to: number): Promise<number | 'some-row' | undefined> {
    await this.#client.query('savepoint row_run');
    const copy = this.#client.query(copyFrom(this.#statement));
    try {
      await pipeline(Readable.from(run.copyBytes(from, to)), copy, { signal: this.#abort.signal });
    } catch (error) {
      this.#abort.signal.throwIfAborted();
      if (!blamesRow(error)) throw error;
      await this.#client.query('rollback to savepoint row_run');
      const number = to - from === 1 ? 1 : rowOfCopyError(error, this.#statement);
      if (number === undefined) return 'some-row';
      const row = from + number - 1;
      const place = run.placeOf(row);
      this.#tally?.remove(place.references ?? []);
      this.#leaveOut(place, error);
      this.#refused++;
      return row;
    }
    await this.#client.query('release savepoint row_run');
    checkAllStored(copy.rowCount, to - from);
    return undefined;
  }

  #leaveOut(place: LinePlace, error: unknown): void {
    this.#badLines.add(place, toFailure(error, place.line), idOf(error));
  }
}

/** The id of the resource that an error refers to, where it names one. */
function idOf(error: unknown): string | undefined {
  if (error instanceof LineError) return error.id;
  const detail = error instanceof pg.DatabaseError ? error.detail : undefined;
  return /^Key \(id\)=\((.*)\) already exists\.$/.exec(detail ?? '')?.[1];
}
