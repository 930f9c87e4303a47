import { LineError, type LineErrorDetail, type LineFailure } from '../errors/line-error.ts';
import type { CopyBuffers } from './copy-buffers.ts';
import { type ConstantField, CopyRowWriter, type EmitChunk } from './copy-row-writer.ts';
import { LineMap } from './line-map.ts';
import { type LineSink, LineSplitter } from './line-splitter.ts';
import type { RowCounts } from './row-counts.ts';
import type { LineTransform } from './transform.ts';

export interface EncoderOptions {
  /** Makes the rows of the lines; of this file alone. */
  transform: LineTransform;
  /** The COPY columns before `id` and `resource`, in order. */
  constants: readonly ConstantField[];
  /** Longest line accepted, in bytes. */
  maxLineBytes: number;
  /** The buffers handed to COPY. */
  buffers: CopyBuffers;
  /** Number of the first line, where the bytes are not a file's beginning; 1 by default. */
  firstLine?: number;
  /** Takes a bad line, which is then left out; without it the stream fails at the first one. */
  onBadLine?: (error: LineError) => void;
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
  readonly lines: LineMap;

  readonly #options: EncoderOptions;
  readonly #splitter: LineSplitter;
  readonly #transform: LineTransform;
  readonly #writers: readonly CopyRowWriter[];
  readonly #writer: CopyRowWriter;
  #line: number;

  /** @param emits one for each COPY stream: takes the stream's next buffer */
  constructor(options: EncoderOptions, emits: readonly EmitChunk[]) {
    this.#options = options;
    this.#line = (options.firstLine ?? 1) - 1;
    this.lines = new LineMap(this.#line);
    this.#splitter = new LineSplitter(this, options.maxLineBytes);
    this.#transform = options.transform;
    this.#writers = emits.map((emit) => new CopyRowWriter(options.constants, options.buffers, emit));
    const [first] = this.#writers;
    if (first === undefined) throw new RangeError('an encoder needs a stream to write to');
    this.#writer = first;
  }

  /** Takes the next bytes of the file. Throws a LineError at the first bad line, unless `onBadLine` takes it. */
  write(chunk: Buffer): void {
    const started = performance.now();
    this.bytesIn += chunk.length;
    try {
      this.#splitter.push(chunk);
    } finally {
      this.busyMs += performance.now() - started;
    }
  }

  /** The file has ended: emits the last rows and the ends of the streams. */
  end(): void {
    this.#splitter.end();
    for (const writer of this.#writers) writer.end();
  }

  attach(buffer: Buffer): void {
    this.#transform.attach(buffer);
  }

  line(start: number, end: number): void {
    this.#line++;
    const transform = this.#transform;
    const result = transform.take(start, end);
    if (result === 'row') {
      const writer = this.#writers.length === 1 ? this.#writer : this.#writerOfId();
      writer.row(transform);
      this.rows++;
    } else if (result === 'blank') this.lines.skipped(this.rows);
    else this.#fail(result, transform.failureDetail);
  }

  lineTooLong(): void {
    this.#line++;
    this.#fail('line-too-long', { limit: this.#options.maxLineBytes });
  }

  /** FNV-1a over the id. */
  #writerOfId(): CopyRowWriter {
    const { idBytes, idStart, idEnd } = this.#transform;
    let hash = 0x811c9dc5;
    for (let i = idStart; i < idEnd; i++) hash = Math.imul(hash ^ (idBytes[i] ?? 0), 0x01000193);
    // The low bits of FNV depend on few bits of the input; the fold mixes the high ones in.
    return this.#writers[((hash ^ (hash >>> 15)) >>> 0) % this.#writers.length] ?? this.#writer;
  }

  #fail(failure: LineFailure, detail: LineErrorDetail): void {
    const error = new LineError(failure, this.#line, detail);
    if (this.#options.onBadLine === undefined) throw error;
    this.lines.skipped(this.rows);
    this.#options.onBadLine(error);
  }
}
