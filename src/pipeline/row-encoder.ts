import { LineError, type LineErrorDetail, type LineFailure } from '../errors/line-error.ts';
import type { ReferenceTally } from '../fhir/reference-target.ts';
import type { LinePlace } from './bad-lines.ts';
import type { CopyBuffers } from './copy-buffers.ts';
import { CopyRowWriter, type LeadingFields } from './copy-row-writer.ts';
import { freeBuffer } from './free-buffer.ts';
import { LineMap } from './line-map.ts';
import { type LineSink, LineSplitter } from './line-splitter.ts';
import type { EmitChunk, RowChunks } from './row-chunks.ts';
import type { RowCounts } from './row-counts.ts';
import { TextRowWriter } from './text-row-writer.ts';
import type { LineTransform } from './transform.ts';

/** Blank lines that a file may have. */
const MOST_BLANK_LINES = 10_000_000;

/** Lines from this length on are freed once they are written. */
const FREED_LINE_BYTES = 1024 * 1024;

export interface EncoderOptions extends LeadingFields {
  /** Makes the rows of the lines; of this file alone. */
  transform: LineTransform;
  /** Longest line accepted, in bytes. */
  maxLineBytes: number;
  /** The buffers handed to COPY. */
  buffers: CopyBuffers;
  /** Counts what became of the open references of all rows. */
  tally?: ReferenceTally | undefined;
}

/** Follows every line. Without one a file is encoded as fast as can be, and fails at its first bad line. */
export interface LineObserver {
  /** A row was written: into [from, to) of the writer's next buffer. */
  onRow(place: LinePlace, from: number, to: number): void;
  /** A line cannot become a row; it is left out. */
  onBadLine(place: LinePlace, error: LineError): void;
}

/**
 * ndjson bytes in, rows out: to one COPY stream, or to several, where a row's id decides the stream, so that two rows
 * with one id meet in the same backend and the second is refused there.
 */
export class RowEncoder implements LineSink, RowCounts {
  rows = 0;
  bytesIn = 0;
  busyMs = 0;
  /** Which line of the file a row of a single stream came from. */
  readonly lineMap = new LineMap();

  readonly #options: EncoderOptions;
  readonly #splitter: LineSplitter;
  readonly #transform: LineTransform;
  readonly #writers: readonly RowChunks[];
  readonly #writer: RowChunks;
  /** The same in COPY's binary format; none where it is another one. */
  readonly #copyWriters: readonly CopyRowWriter[];
  readonly #observer: LineObserver | undefined;
  #buffer: Buffer = Buffer.alloc(0);
  #bufferOffset = 0;
  #line = 0;
  #blankLines = 0;

  /** @param emits one for each COPY stream: takes the stream's next buffer */
  constructor(options: EncoderOptions, emits: readonly EmitChunk[], observer?: LineObserver) {
    this.#options = options;
    this.#observer = observer;
    this.#splitter = new LineSplitter(this, options.maxLineBytes);
    this.#transform = options.transform;
    this.#writers = emits.map((emit) => createWriter(options, emit));
    this.#copyWriters = this.#writers.filter((writer) => writer instanceof CopyRowWriter);
    const [first] = this.#writers;
    if (first === undefined) throw new RangeError('an encoder needs a stream to write to');
    this.#writer = first;
  }

  /** Takes the next bytes of the file. Throws a LineError at the first bad line, unless an observer leaves it out. */
  write(chunk: Buffer): void {
    const started = performance.now();
    this.bytesIn += chunk.length;
    try {
      this.#splitter.push(chunk);
    } finally {
      this.busyMs += performance.now() - started;
    }
  }

  /** Bytes in memory of a line whose end has not come yet. */
  get pendingBytes(): number {
    return this.#splitter.pendingBytes;
  }

  /** The file has ended: emits the last rows and the ends of the streams. */
  end(): void {
    this.#splitter.end();
    for (const writer of this.#writers) writer.end();
  }

  /** Hands on the rows written so far. */
  flush(): void {
    for (const writer of this.#writers) writer.flush();
  }

  attach(buffer: Buffer, offset: number): void {
    this.#buffer = buffer;
    this.#bufferOffset = offset;
    this.#transform.attach(buffer);
  }

  /** Most files are taken by this alone. What follows every line takes them one by one. */
  lines(from: number): number {
    const { plainRows } = this.#transform;
    if (plainRows === undefined || this.#observer !== undefined || this.#copyWriters.length === 0) return from;
    const rows = CopyRowWriter.plainRows(this.#copyWriters, plainRows, from, this.#options.maxLineBytes);
    this.#line += rows;
    this.rows += rows;
    return plainRows.next;
  }

  line(start: number, end: number): void {
    this.#line++;
    const transform = this.#transform;
    const result = transform.take(start, end);
    if (result === 'row') {
      const writer = this.#writers.length === 1 ? this.#writer : this.#writerOfId();
      writer.row(transform);
      this.rows++;
      const { references } = transform;
      if (references !== undefined && references.length > 0) this.#options.tally?.add(references);
      if (this.#observer !== undefined) {
        const place = { ...this.#placeOf(start, end), references: references?.slice() };
        this.#observer.onRow(place, writer.rowStart, writer.rowEnd);
      }
    } else if (result === 'blank') this.#skipBlank();
    else this.#fail(this.#placeOf(start, end), result, transform.failureDetail);
  }

  /** A long line is in its row's buffer now, and would stay here until V8 collects it. */
  delivered(buffer: Buffer): void {
    if (this.#observer === undefined && buffer.length >= FREED_LINE_BYTES) freeBuffer(buffer);
  }

  lineTooLong(head: Buffer, offset: number): void {
    this.#line++;
    const place = { line: this.#line, offset, buffer: head, start: 0, end: head.length };
    this.#fail(place, 'line-too-long', { limit: this.#options.maxLineBytes });
  }

  /** A gzip of 1 MB may hold a billion of them, which would take minutes for nothing. */
  #skipBlank(): void {
    if (++this.#blankLines > MOST_BLANK_LINES) {
      throw new LineError('too-many-blank-lines', this.#line, { limit: MOST_BLANK_LINES });
    }
    this.lineMap.skipped(this.rows);
  }

  /** FNV-1a over the id; `tools/plain-rows` has it, too. */
  #writerOfId(): RowChunks {
    const { idBytes, idStart, idEnd } = this.#transform;
    let hash = 0x811c9dc5;
    for (let i = idStart; i < idEnd; i++) hash = Math.imul(hash ^ (idBytes[i] ?? 0), 0x01000193);
    // The low bits of FNV depend on few bits of the input; the fold mixes the high ones in.
    return this.#writers[((hash ^ (hash >>> 15)) >>> 0) % this.#writers.length] ?? this.#writer;
  }

  #placeOf(start: number, end: number): LinePlace {
    return { line: this.#line, offset: this.#bufferOffset + start, buffer: this.#buffer, start, end };
  }

  #fail(place: LinePlace, failure: LineFailure, detail: LineErrorDetail): void {
    const error = new LineError(failure, place.line, detail);
    if (this.#observer === undefined) throw error;
    this.lineMap.skipped(this.rows);
    this.#observer.onBadLine(place, error);
  }
}

function createWriter(options: EncoderOptions, emit: EmitChunk): RowChunks {
  const Writer = options.format === 'text' ? TextRowWriter : CopyRowWriter;
  return new Writer(options, options.buffers, emit);
}
