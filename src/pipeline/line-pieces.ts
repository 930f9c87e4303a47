/** Pieces that are smaller are gathered in blocks of this size, in bytes: each Buffer costs some hundred bytes of its own. */
const BLOCK_BYTES = 16 * 1024;

/**
 * From so many bytes on a line is gathered in blocks of this size, which malloc takes from the system one by one and gives back
 * at once. Pieces of 1 MiB stay in its arenas: of a line of 100 MB, 146 MB stayed.
 */
const LONG_LINE_BYTES = 4 * 1024 * 1024;
const LONG_LINE_BLOCK_BYTES = 32 * 1024 * 1024;

/** The beginning of a line, in copies of the pieces that it came in: a store may send it byte by byte. */
export class LinePieces {
  /** Of all pieces. */
  bytes = 0;
  /** Each has its memory for itself. */
  #pieces: Buffer[] = [];
  #block: Buffer = Buffer.alloc(0);
  #blockBytes = 0;

  /** Keeps a copy. */
  add(piece: Buffer): void {
    const isLong = this.bytes >= LONG_LINE_BYTES;
    this.bytes += piece.length;
    if (piece.length >= BLOCK_BYTES && !isLong) {
      this.#closeBlock();
      const own = Buffer.allocUnsafeSlow(piece.length);
      piece.copy(own);
      this.#pieces.push(own);
      return;
    }
    for (let at = 0; at < piece.length; ) {
      if (this.#blockBytes === this.#block.length) {
        this.#closeBlock();
        this.#block = Buffer.allocUnsafeSlow(isLong ? LONG_LINE_BLOCK_BYTES : BLOCK_BYTES);
      }
      const copied = piece.copy(this.#block, this.#blockBytes, at);
      this.#blockBytes += copied;
      at += copied;
    }
  }

  /** The pieces as one, in memory of its own, or the first `most` bytes of them; nothing is kept then. */
  take(most = this.bytes): Buffer {
    this.#closeBlock();
    const pieces = this.#pieces;
    const bytes = Math.min(most, this.bytes);
    this.#pieces = [];
    this.bytes = 0;
    const [first] = pieces;
    if (first !== undefined && first.length === bytes) return first;
    const whole = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (const piece of pieces) {
      at += piece.copy(whole, at);
      // One by one: there is never room for the line twice.
      if (piece.buffer instanceof ArrayBuffer) piece.buffer.transfer(0);
    }
    return whole;
  }

  #closeBlock(): void {
    if (this.#blockBytes > 0) this.#pieces.push(this.#block.subarray(0, this.#blockBytes));
    this.#block = Buffer.alloc(0);
    this.#blockBytes = 0;
  }
}
