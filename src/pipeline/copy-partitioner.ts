import type { Writable } from 'node:stream';
import { type EncoderOptions, RowEncoder } from './row-encoder.ts';
import type { StageTimes } from './stage-times.ts';

/**
 * A chunk of at least this many bytes is above any socket's high-water mark (64 KiB), so its write is called back when
 * the socket has drained, that is when the kernel has the bytes; a smaller one may be called back while it still waits.
 */
const CERTAINLY_DRAINED_BYTES = 64 * 1024;

/** Encodes ndjson and writes each row to the COPY that its id decides; as fast as the slowest takes its share. */
export class CopyPartitioner {
  readonly encoder: RowEncoder;

  readonly #copies: readonly Writable[];
  readonly #times: StageTimes;
  /** Of buffers that may still be waiting to be sent. */
  readonly #reuseAtEnd: (() => void)[] = [];

  constructor(options: EncoderOptions, copies: readonly Writable[], times: StageTimes) {
    this.#copies = copies;
    this.#times = times;
    this.encoder = new RowEncoder(
      options,
      copies.map((copy) => (chunk: Buffer, reuse: () => void) => {
        const certain = chunk.length >= CERTAINLY_DRAINED_BYTES;
        if (!certain) this.#reuseAtEnd.push(reuse);
        copy.write(chunk, (error) => {
          if (error == null && certain) reuse();
        });
      }),
    );
  }

  /** Whether a COPY has failed or was given up, so that none takes rows any more. */
  get closed(): boolean {
    return this.#copies.some((copy) => copy.destroyed);
  }

  /**
   * Deals the rows of a file's next bytes, which are not read again, and waits until the COPYs take more.
   * @throws LineError
   */
  async write(chunk: Buffer): Promise<void> {
    this.encoder.write(chunk);
    const started = performance.now();
    for (const copy of this.#copies) if (copy.writableNeedDrain && !copy.destroyed) await drained(copy);
    this.#times.postgresMs += performance.now() - started;
  }

  /** The file has ended: sends the last rows and ends the COPYs. Throws a LineError for the last line. */
  end(): void {
    this.encoder.end();
    for (const copy of this.#copies) copy.end();
  }

  /** Postgres has answered to all that was sent: no buffer is read any more. */
  reuseAll(): void {
    for (const reuse of this.#reuseAtEnd.splice(0)) reuse();
  }
}

async function drained(copy: Writable): Promise<void> {
  await new Promise<void>((resolve) => {
    const settle = () => {
      copy.off('drain', settle).off('close', settle).off('error', settle);
      resolve();
    };
    copy.on('drain', settle).on('close', settle).on('error', settle);
  });
}
