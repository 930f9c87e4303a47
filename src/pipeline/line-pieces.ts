import { freeBuffer } from './free-buffer.ts';

/** Pieces that are smaller are gathered in blocks of this size, in bytes: each Buffer costs some hundred bytes of its own. */
const BLOCK_BYTES = 16 * 1024;

/** The beginning of a line, in copies of the pieces that it came in: a store may send it byte by byte. */
export class LinePieces {
  /** Of all pieces. */
  bytes = 0;
  #pieces: Buffer[] = [];
  #block: Buffer = Buffer.alloc(0);
  #blockBytes = 0;

  /** Keeps a copy. */
  add(piece: Buffer): void {
    this.bytes += piece.length;
    if (piece.length >= BLOCK_BYTES) {
      this.#closeBlock();
      this.#pieces.push(Buffer.from(piece));
      return;
    }
    if (this.#blockBytes + piece.length > this.#block.length) {
      this.#closeBlock();
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    }
    this.#blockBytes += piece.copy(this.#block, this.#blockBytes);
  }

  /** The pieces as one, or the first `most` bytes of them; nothing is kept then. */
  take(most = this.bytes): Buffer {
    this.#closeBlock();
    const pieces = this.#pieces;
    const bytes = Math.min(most, this.bytes);
    this.#pieces = [];
    this.bytes = 0;
    const [first] = pieces;
    if (first !== undefined && first.length === bytes) return first;
    const whole = Buffer.concat(pieces, bytes);
    for (const piece of pieces) freeBuffer(piece);
    return whole;
  }

  #closeBlock(): void {
    if (this.#blockBytes > 0) this.#pieces.push(this.#block.subarray(0, this.#blockBytes));
    this.#block = Buffer.alloc(0);
    this.#blockBytes = 0;
  }
}
