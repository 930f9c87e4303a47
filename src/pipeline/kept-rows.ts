import type { CopyBuffers } from './copy-buffers.ts';

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Encoded rows of several small files, kept one after another in the thread's buffers until Postgres has them all. Buffers of
 * each file's own would be memory that only a collection of V8's whole heap gives back.
 */
export class KeptRows {
  readonly #buffers: CopyBuffers;
  #used: Buffer[] = [];
  /** What is free of the last one. */
  #free = NOTHING;
  #bytes = 0;

  constructor(buffers: CopyBuffers) {
    this.#buffers = buffers;
  }

  /** How many are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies rows. @returns where they are, in order: at the end of a buffer they go on in the next */
  keep(rows: Buffer): Buffer[] {
    const parts: Buffer[] = [];
    for (let at = 0; at < rows.length; ) {
      if (this.#free.length === 0) {
        this.#free = this.#buffers.take();
        this.#used.push(this.#free);
      }
      const part = this.#free.subarray(0, rows.length - at);
      at += rows.copy(part, 0, at);
      this.#free = this.#free.subarray(part.length);
      parts.push(part);
    }
    this.#bytes += rows.length;
    return parts;
  }

  /** Gives the buffers back, once nobody reads the rows any more. */
  giveBack(): void {
    for (const buffer of this.#used) this.#buffers.giveBack(buffer);
    this.#used = [];
    // Not a part of the last one, which may have been freed.
    this.#free = NOTHING;
    this.#bytes = 0;
  }
}
