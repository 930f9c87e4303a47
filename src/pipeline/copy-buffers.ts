import { freeBuffer } from './free-buffer.ts';
import type { Crc32 } from './unpacker.ts';

/**
 * Buffers kept for another use: what four files have on their way at a time, and some more. Where four files look up fingerprints, 64
 * are: of 544 buffers, 85 are then made, 64 if so many were kept. That is 0.01 CPU s per GB, for 8 MB more of memory in each thread.
 */
const MOST_KEPT = 32;

/**
 * The buffers that a file's bytes are unpacked into and its COPY bytes are written into, used again once nobody reads them any more, by
 * whatever file of the thread comes next. A fresh one costs page faults, 0.2 CPU s per GB, and is memory that only a collection of
 * V8's whole heap gives back.
 */
export class CopyBuffers {
  /** Size of each, in bytes. */
  readonly bytes: number;
  /** How many slots are taken and not given back. */
  slotsOut = 0;
  /** The least time for bytes in slots. */
  readonly crc32: Crc32 | undefined;
  readonly #memory: ArrayBufferLike | undefined;
  readonly #slots: Buffer[];
  readonly #free: Buffer[] = [];

  /**
   * @param slots such buffers of one memory, which are taken first: rows are made there without a copy
   * @param crc32 one that is quick where bytes lie in them
   */
  constructor(bytes: number, slots: readonly Buffer[] = [], crc32?: Crc32) {
    this.bytes = bytes;
    this.crc32 = crc32;
    this.#memory = slots[0]?.buffer;
    // The last one that was given back is taken first, since a core's cache may have it.
    this.#slots = slots.toReversed();
  }

  take(): Buffer {
    const slot = this.#slots.pop();
    if (slot === undefined) return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
    this.slotsOut++;
    return slot;
  }

  /** Takes a buffer back; one of another size, which was made for one long row, is freed. */
  giveBack(buffer: Buffer): void {
    if (buffer.buffer === this.#memory) {
      this.#slots.push(buffer);
      this.slotsOut--;
    } else if (buffer.length === this.bytes) this.#free.push(buffer);
    else freeBuffer(buffer);
    if (this.#slots.length + this.#free.length <= MOST_KEPT) return;
    const spare = this.#free.pop();
    if (spare !== undefined) freeBuffer(spare);
  }
}
