import { Transform, type TransformCallback } from 'node:stream';
import { asError } from '../errors/as-error.ts';
import type { LineMap } from './line-map.ts';
import type { RowCounts } from './row-counts.ts';
import { type EncoderOptions, RowEncoder } from './row-encoder.ts';

/**
 * ndjson bytes in, the bytes of one COPY BINARY stream out. Fails with a `LineError` at the first bad line, unless
 * `onBadLine` takes it.
 */
export class NdjsonEncoder extends Transform implements RowCounts {
  readonly #encoder: RowEncoder;

  constructor(options: EncoderOptions) {
    const { bytes } = options.buffers;
    super({ readableHighWaterMark: bytes, writableHighWaterMark: bytes });
    this.#encoder = new RowEncoder(options, [(chunk) => this.push(chunk)]);
  }

  get rows(): number {
    return this.#encoder.rows;
  }

  get bytesIn(): number {
    return this.#encoder.bytesIn;
  }

  get busyMs(): number {
    return this.#encoder.busyMs;
  }

  /** Which line of the file a row came from. */
  get lines(): LineMap {
    return this.#encoder.lines;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#encoder.write(chunk);
    } catch (error) {
      done(asError(error));
      return;
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    try {
      this.#encoder.end();
    } catch (error) {
      done(asError(error));
      return;
    }
    done();
  }
}
