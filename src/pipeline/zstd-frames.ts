const FRAME_MAGIC = 0xfd2fb528;
/** Frames that hold no content, of any of sixteen magics. */
const SKIPPABLE_MAGIC = 0x184d2a50;

/** Lengths of the optional fields of a frame's header, by their flags (RFC 8878, 3.1.1.1). */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

type Part = 'magic' | 'skippable-size' | 'descriptor' | 'header' | 'block';

/**
 * Cuts zstd data where one frame ends and the next begins, by walking the headers of its blocks. Node's decompressor
 * ends without an error at a frame's end when the same chunk goes on with another frame, and drops the rest (tried with Node 24).
 * Data that is not zstd passes uncut: the decompressor has the error.
 */
export class ZstdFrames {
  #part: Part = 'magic';
  /** Bytes of the part so far, and how many it has. */
  #bytes: number[] = [];
  #wanted = 4;
  /** Bytes of content to pass before the next part. */
  #skip = 0;
  #hasChecksum = false;
  /** Whether the frame ends when `#skip` bytes have passed. */
  #endsFrame = false;
  #isLost = false;

  /** Whether more bytes are due: those so far end inside a frame. Node 22's decompressor ends there without an error (tried with 22.18). */
  get isInside(): boolean {
    return !this.#isLost && (this.#part !== 'magic' || this.#bytes.length > 0 || this.#skip > 0);
  }

  /** The chunk's bytes in order, no piece with bytes of two frames. */
  *cut(chunk: Buffer): Generator<Buffer> {
    let from = 0;
    for (let at = 0; at < chunk.length && !this.#isLost; ) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at);
        this.#skip -= passed;
        at += passed;
      } else {
        this.#bytes.push(chunk[at] ?? 0);
        at++;
        if (this.#bytes.length === this.#wanted) this.#readPart();
      }
      if (this.#skip === 0 && this.#endsFrame) {
        this.#endsFrame = false;
        yield chunk.subarray(from, at);
        from = at;
      }
    }
    if (from < chunk.length) yield chunk.subarray(from);
  }

  #readPart(): void {
    const value = this.#bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
    switch (this.#part) {
      case 'magic':
        if (value === FRAME_MAGIC) this.#expect('descriptor', 1);
        else if (value - (value % 16) === SKIPPABLE_MAGIC) this.#expect('skippable-size', 4);
        else this.#isLost = true;
        return;
      case 'skippable-size':
        this.#skip = value;
        this.#endsFrame = true;
        this.#expect('magic', 4);
        return;
      case 'descriptor':
        this.#readDescriptor(value);
        return;
      case 'header':
        this.#expect('block', 3);
        return;
      case 'block':
        this.#readBlockHeader(value);
    }
  }

  #readDescriptor(descriptor: number): void {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const contentSize = CONTENT_SIZE_BYTES[descriptor >> 6] ?? 0;
    const rest =
      (isSingleSegment ? 0 : 1) +
      (DICTIONARY_ID_BYTES[descriptor & 0x03] ?? 0) +
      (contentSize === 0 && isSingleSegment ? 1 : contentSize);
    this.#expect('header', rest);
  }

  #readBlockHeader(header: number): void {
    const isLast = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    this.#isLost = type === RESERVED_BLOCK;
    this.#skip = (type === RLE_BLOCK ? 1 : header >> 3) + (isLast && this.#hasChecksum ? 4 : 0);
    this.#endsFrame = isLast;
    if (isLast) this.#expect('magic', 4);
    else this.#expect('block', 3);
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#wanted = bytes;
    this.#bytes = [];
  }
}
