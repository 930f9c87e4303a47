import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { type Failure, toFailure } from '../errors/failure.ts';
import { FileError } from '../errors/file-error.ts';
import { LineError } from '../errors/line-error.ts';
import { checkAllStored } from '../errors/rows-kept-out.ts';
import { blamesRow } from '../errors/sqlstate.ts';
import { lineOfCopyError } from './copy-position.ts';
import type { CopyRowsOptions } from './copy-rows.ts';
import { NdjsonEncoder } from './ndjson-encoder.ts';
import { readNdjson } from './read-ndjson.ts';
import type { RowCounts } from './row-counts.ts';
import { type LineRun, wholeLines } from './whole-lines.ts';

/** Size of a COPY of its own, in bytes: what one bad line costs to send again. */
const RUN_BYTES = 4 * 1024 * 1024;

/** How much of a bad line is kept, in bytes. */
const TEXT_BYTES = 1024;

/** A line that was left out, and why. */
export interface BadLine {
  /** 1-based line of the file. */
  line: number;
  /** Offset of the line in the unpacked file, in bytes. */
  offset: number;
  id: string | undefined;
  source: Failure['source'];
  /** SQLSTATE, or the loader's own word. */
  code: string;
  message: string;
  /** The line's first 1 kB. */
  text: string;
}

/** More bad lines than the call allows. Carries those that were found. */
export class TooManyBadLines extends FileError {
  override readonly name = 'TooManyBadLines';
  readonly badLines: readonly BadLine[];

  constructor(maxErrors: number, badLines: readonly BadLine[]) {
    const [first] = badLines;
    super(`more than ${maxErrors} bad lines (max-errors); the first is ${first?.message}`, {
      source: 'aidbox',
      code: 'too-many-errors',
      line: first?.line,
    });
    this.badLines = badLines;
  }
}

export interface LenientCopyOptions extends CopyRowsOptions {
  /** Most bad lines that may be left out. */
  maxErrors: number;
}

/**
 * As `copyRows`, but leaves out up to `maxErrors` bad lines: those that the encoder finds at once, those that Postgres
 * refuses by splitting the run of lines around them. Each run is a COPY behind a savepoint, so what was good stays.
 * @throws TooManyBadLines, or what `copyRows` throws for anything but a bad line
 */
export async function lenientCopy(
  client: pg.ClientBase,
  bytes: AsyncIterable<Buffer>,
  options: LenientCopyOptions,
  onStart: (counts: RowCounts) => void,
): Promise<{ counts: RowCounts; badLines: BadLine[] }> {
  const copy = new TolerantCopy(client, options);
  onStart(copy);
  for await (const run of wholeLines(readNdjson(bytes, options.times), RUN_BYTES, options.encoder.maxLineBytes)) {
    if (run.tooLong) copy.leaveOutOverlong(run);
    else await copy.copyRun(run);
  }
  return { counts: copy, badLines: copy.badLines };
}

class TolerantCopy implements RowCounts {
  rows = 0;
  bytesIn = 0;
  busyMs = 0;

  readonly #client: pg.ClientBase;
  readonly #options: LenientCopyOptions;
  readonly #bad = new Map<number, BadLine>();

  constructor(client: pg.ClientBase, options: LenientCopyOptions) {
    this.#client = client;
    this.#options = options;
  }

  get badLines(): BadLine[] {
    return [...this.#bad.values()].sort((a, b) => a.line - b.line);
  }

  leaveOutOverlong(run: LineRun): void {
    const { maxLineBytes: limit } = this.#options.encoder;
    this.#leaveOut(run, new LineError('line-too-long', run.firstLine, { limit }), run.firstLine);
  }

  /** Copies the run; around a line that Postgres refuses, first what comes before it and then what comes after. */
  async copyRun(whole: LineRun): Promise<void> {
    const waiting = [whole];
    for (let run = waiting.pop(); run !== undefined; run = waiting.pop()) {
      if (run.bytes.length === 0) continue;
      const refused = await this.#tryRun(run);
      if (refused === undefined) continue;
      const { before, after } = splitAround(run, refused);
      waiting.push(after, before);
    }
  }

  /** @returns the line that Postgres refused; the run's rows are then rolled back */
  async #tryRun(run: LineRun): Promise<number | undefined> {
    const { encoder: plain, statement, signal, times } = this.#options;
    const encoder = new NdjsonEncoder({
      ...plain,
      firstLine: run.firstLine,
      onBadLine: (error) => this.#leaveOut(run, error, error.line),
    });
    const started = performance.now();
    await this.#client.query('savepoint line_run');
    const copy = this.#client.query(copyFrom(statement));
    try {
      await pipeline(Readable.from([run.bytes]), encoder, copy, { signal });
    } catch (error) {
      signal.throwIfAborted();
      const line = lineOfCopyError(error, encoder.lines);
      if (line === undefined || !blamesRow(error)) throw error;
      await this.#client.query('rollback to savepoint line_run');
      this.#leaveOut(run, error, line);
      return line;
    } finally {
      this.busyMs += encoder.busyMs;
      times.postgresMs += performance.now() - started - encoder.busyMs;
    }
    await this.#client.query('release savepoint line_run');
    checkAllStored(copy.rowCount, encoder.rows);
    this.rows += encoder.rows;
    this.bytesIn += run.bytes.length;
    return undefined;
  }

  #leaveOut(run: LineRun, error: unknown, line: number): void {
    const { source, code, message } = toFailure(error, line);
    const { start, end } = placeOf(run, line);
    const text = run.bytes.toString('utf8', start, Math.min(end, start + TEXT_BYTES));
    this.#bad.set(line, { line, offset: run.offset + start, id: idOf(error), source, code, message, text });
    if (this.#bad.size > this.#options.maxErrors) throw new TooManyBadLines(this.#options.maxErrors, this.badLines);
  }
}

/** The id of the resource that an error speaks of, where it names one. */
function idOf(error: unknown): string | undefined {
  if (error instanceof LineError) return error.id;
  const detail = error instanceof pg.DatabaseError ? error.detail : undefined;
  return /^Key \(id\)=\((.*)\) already exists\.$/.exec(detail ?? '')?.[1];
}

/** Where a line of the run begins and ends, its line feed included. */
function placeOf({ bytes, firstLine }: LineRun, line: number): { start: number; end: number } {
  let start = 0;
  for (let at = firstLine; at < line; at++) start = bytes.indexOf(0x0a, start) + 1;
  const feed = bytes.indexOf(0x0a, start);
  return { start, end: feed === -1 ? bytes.length : feed + 1 };
}

function splitAround(run: LineRun, line: number): { before: LineRun; after: LineRun } {
  const { start, end } = placeOf(run, line);
  return {
    before: { ...run, bytes: run.bytes.subarray(0, start) },
    after: { ...run, bytes: run.bytes.subarray(end), firstLine: line + 1, offset: run.offset + end },
  };
}
