import { Transform, type TransformCallback } from 'node:stream';
import { type ConstantField, CopyRowWriter } from './copy-row-writer.ts';
import { LineError, type LineFault } from './line-fault.ts';
import { LineMap } from './line-map.ts';
import { type LineSink, LineSplitter } from './line-splitter.ts';
import { ResourceScanner } from './resource-scanner.ts';

export interface EncoderOptions {
  /** The type that the file's name promises, in FHIR's spelling. */
  resourceType: string;
  /** The COPY columns before `id` and `resource`, in order. */
  constants: readonly ConstantField[];
  /** Longest line accepted, in bytes. */
  maxLineBytes: number;
  /** Size of the buffers handed to COPY, in bytes. */
  chunkBytes: number;
  /** Number of the first line, where the bytes are not a file's beginning; 1 by default. */
  firstLine?: number;
  /** Takes a bad line, which is then left out; without it the stream fails at the first one. */
  onBadLine?: (error: LineError) => void;
}

/**
 * ndjson bytes in, COPY BINARY bytes out. The stream fails with a `LineError` at the first bad line, unless
 * `onBadLine` takes it.
 */
export class NdjsonEncoder extends Transform implements LineSink {
  /** Rows written so far. */
  rows = 0;
  /** Bytes of ndjson taken in so far. */
  bytesIn = 0;
  /** Which line of the file a row came from. */
  readonly lines: LineMap;
  /** CPU-side time spent in this stage, in ms. */
  busyMs = 0;

  readonly #options: EncoderOptions;
  readonly #splitter: LineSplitter;
  readonly #scanner: ResourceScanner;
  readonly #writer: CopyRowWriter;
  #buffer: Buffer = Buffer.alloc(0);
  #line: number;

  constructor(options: EncoderOptions) {
    super({ readableHighWaterMark: options.chunkBytes, writableHighWaterMark: options.chunkBytes });
    this.#options = options;
    this.#line = (options.firstLine ?? 1) - 1;
    this.lines = new LineMap(this.#line);
    this.#splitter = new LineSplitter(this, options.maxLineBytes);
    this.#scanner = new ResourceScanner(options.resourceType);
    this.#writer = new CopyRowWriter(options.constants, options.chunkBytes, (chunk) => this.push(chunk));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#run(() => {
      this.bytesIn += chunk.length;
      this.#splitter.push(chunk);
    }, done);
  }

  override _flush(done: TransformCallback): void {
    this.#run(() => {
      this.#splitter.end();
      this.#writer.end();
    }, done);
  }

  attach(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#scanner.attach(buffer);
  }

  line(start: number, end: number): void {
    this.#line++;
    const scanner = this.#scanner;
    const result = scanner.scan(start, end);
    if (result === 'resource') {
      this.#writer.row(
        scanner.idBytes,
        scanner.idStart,
        scanner.idEnd,
        this.#buffer,
        start,
        scanner.cutStart1,
        scanner.cutEnd1,
        scanner.cutStart2,
        scanner.cutEnd2,
        end,
      );
      this.rows++;
    } else if (result === 'blank') this.lines.skipped(this.rows);
    else this.#fail(result);
  }

  lineTooLong(): void {
    this.#line++;
    this.#fail('line-too-long');
  }

  #fail(fault: LineFault): void {
    const error = new LineError(fault, this.#line, {
      id: fault === 'line-too-long' ? undefined : this.#scanner.idSoFar,
      expectedType: this.#options.resourceType,
      limit: this.#options.maxLineBytes,
    });
    if (this.#options.onBadLine === undefined) throw error;
    this.lines.skipped(this.rows);
    this.#options.onBadLine(error);
  }

  #run(work: () => void, done: TransformCallback): void {
    const started = performance.now();
    try {
      work();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    } finally {
      this.busyMs += performance.now() - started;
    }
    done();
  }
}
