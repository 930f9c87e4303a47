import { Writable } from 'node:stream';
import { asError } from './as-error.ts';
import { type EncoderOptions, RowEncoder } from './row-encoder.ts';
import type { StageTimes } from './stage-times.ts';

/**
 * A chunk of at least this many bytes is above any socket's high-water mark (64 KiB), so its write is called back when
 * the socket has drained, that is when the kernel has the bytes; a smaller one may be called back while it still waits.
 */
const CERTAINLY_DRAINED_BYTES = 64 * 1024;

/** Encodes ndjson and writes each row to the COPY that its id decides; as fast as the slowest takes its share. */
export class RowDealer extends Writable {
  readonly encoder: RowEncoder;

  readonly #copies: readonly Writable[];
  readonly #times: StageTimes;

  constructor(options: EncoderOptions, copies: readonly Writable[], times: StageTimes) {
    super({ highWaterMark: options.chunkBytes });
    this.#copies = copies;
    this.#times = times;
    this.encoder = new RowEncoder(
      options,
      copies.map((copy) => (chunk: Buffer, reuse: () => void) => {
        copy.write(chunk, (error) => {
          if (error == null && chunk.length >= CERTAINLY_DRAINED_BYTES) reuse();
        });
      }),
    );
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      this.encoder.write(chunk);
    } catch (error) {
      done(asError(error));
      return;
    }
    this.#drained().then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    try {
      this.encoder.end();
    } catch (error) {
      done(asError(error));
      return;
    }
    for (const copy of this.#copies) copy.end();
    done();
  }

  async #drained(): Promise<void> {
    const started = performance.now();
    for (const copy of this.#copies) {
      if (!copy.writableNeedDrain || copy.destroyed) continue;
      await new Promise<void>((resolve) => {
        const settle = () => {
          copy.off('drain', settle).off('close', settle).off('error', settle);
          resolve();
        };
        copy.on('drain', settle).on('close', settle).on('error', settle);
      });
    }
    this.#times.postgresMs += performance.now() - started;
  }
}
