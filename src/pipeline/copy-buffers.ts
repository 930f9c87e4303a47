import { freeBuffer } from './free-buffer.ts';

/**
 * Buffers kept for another use: what four files have on their way at a time, and some more. Where four files look up fingerprints, 64
 * are: of 544 buffers, 85 are then made, 64 if so many were kept. That is 0.01 CPU s per GB, for 8 MB more of memory in each thread.
 */
const MOST_KEPT = 32;

/**
 * The buffers that COPY bytes are written into, used again once nobody reads them any more, by whatever file of the
 * thread comes next. A fresh one costs page faults, 0.2 CPU s per GB, and is memory that only a collection of
 * V8's whole heap gives back.
 */
export class CopyBuffers {
  /** Size of each, in bytes. */
  readonly bytes: number;
  readonly #free: Buffer[] = [];

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
  }

  /** Takes a buffer back; one of another size, which was made for one long row, is freed. */
  giveBack(buffer: Buffer): void {
    if (buffer.length !== this.bytes) freeBuffer(buffer);
    else if (this.#free.length < MOST_KEPT) this.#free.push(buffer);
  }
}
