import { KEPT_LINE_BYTES } from './bad-lines.ts';
import { LinePieces } from './line-pieces.ts';

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Receives the lines of a file in order. */
export interface LineSink {
  /**
   * Another buffer begins; the following lines lie in it, in ascending order.
   * @param offset of the buffer's first byte in the file, in bytes
   */
  attach(buffer: Buffer, offset: number): void;
  /**
   * Takes as many lines as it can at once.
   * @param from where the first one begins in the attached buffer
   * @returns where the first one begins that it has left; they are delivered one by one, or offered again
   */
  lines?(from: number): number;
  /** A line [start, end) of the attached buffer, its line feed excluded. */
  line(start: number, end: number): void;
  /**
   * A line has passed `maxLineBytes`; it is not delivered.
   * @param head its first bytes
   * @param offset of the line in the file, in bytes
   */
  lineTooLong(head: Buffer, offset: number): void;
  /** The line of the attached buffer has been delivered, and nobody else has the buffer: a sink that keeps none of it may free it. */
  delivered?(buffer: Buffer): void;
}

/**
 * Cuts a stream of buffers into lines without copying them, but for the one line that crosses a border between two
 * buffers. A buffer is not read again once `push` returns. A UTF-8 byte order mark before a line is skipped, since files
 * that begin with one may be joined to one file; a missing last line feed is forgiven.
 */
export class LineSplitter {
  readonly #sink: LineSink;
  readonly #maxLineBytes: number;
  readonly #pieces = new LinePieces();
  #head: Buffer = Buffer.alloc(0);
  #skipping = false;
  /** Of the chunk's first byte in the file. */
  #offset = 0;
  /** Of the first piece's first byte in the file. */
  #pieceOffset = 0;
  /** Of the attached buffer's first byte in the file. */
  #attachedOffset = 0;

  /** @param maxLineBytes the longest line delivered, in bytes; it bounds the memory that one line can take */
  constructor(sink: LineSink, maxLineBytes: number) {
    this.#sink = sink;
    this.#maxLineBytes = maxLineBytes;
  }

  /** Bytes in memory of a line whose end has not come yet. */
  get pendingBytes(): number {
    return this.#pieces.bytes;
  }

  /** Delivers every line that ends in `chunk`; keeps a copy of the rest of it. */
  push(chunk: Buffer): void {
    let from = 0;
    if (this.#pieces.bytes > 0 || this.#skipping) {
      const feed = chunk.indexOf(LINE_FEED);
      if (feed === -1) {
        this.#keep(chunk);
        this.#offset += chunk.length;
        return;
      }
      this.#keep(chunk.subarray(0, feed));
      this.#deliverPieces();
      from = feed + 1;
    }
    this.#attach(chunk, this.#offset);
    from = this.#sink.lines?.(from) ?? from;
    for (let feed = chunk.indexOf(LINE_FEED, from); feed !== -1; feed = chunk.indexOf(LINE_FEED, from)) {
      this.#deliver(chunk, from, feed);
      from = this.#sink.lines?.(feed + 1) ?? feed + 1;
    }
    if (from < chunk.length) {
      this.#pieceOffset = this.#offset + from;
      this.#keep(chunk.subarray(from));
    }
    this.#offset += chunk.length;
  }

  /** Delivers the last line when the file does not end in a line feed. */
  end(): void {
    if (this.#pieces.bytes > 0 || this.#skipping) this.#deliverPieces();
  }

  #attach(buffer: Buffer, offset: number): void {
    this.#attachedOffset = offset;
    this.#sink.attach(buffer, offset);
  }

  #keep(piece: Buffer): void {
    if (this.#skipping) return;
    this.#pieces.add(piece);
    // A byte order mark is not counted; #deliver decides once it can see whether the line has one.
    if (this.#pieces.bytes <= this.#maxLineBytes + BYTE_ORDER_MARK.length) return;
    // Only what shows which line it was stays in memory.
    this.#head = Buffer.from(this.#pieces.take(KEPT_LINE_BYTES));
    this.#skipping = true;
  }

  #deliverPieces(): void {
    if (this.#skipping) {
      this.#skipping = false;
      this.#sink.lineTooLong(this.#head, this.#pieceOffset);
      return;
    }
    const line = this.#pieces.take();
    this.#attach(line, this.#pieceOffset);
    this.#deliver(line, 0, line.length);
    this.#sink.delivered?.(line);
  }

  #deliver(buffer: Buffer, start: number, end: number): void {
    const from = buffer[start] === BYTE_ORDER_MARK[0] ? afterMark(buffer, start, end) : start;
    if (end - from > this.#maxLineBytes)
      this.#sink.lineTooLong(
        buffer.subarray(start, Math.min(end, start + KEPT_LINE_BYTES)),
        this.#attachedOffset + start,
      );
    else this.#sink.line(from, end);
  }
}

function afterMark(buffer: Buffer, start: number, end: number): number {
  const after = start + BYTE_ORDER_MARK.length;
  return after <= end && BYTE_ORDER_MARK.equals(buffer.subarray(start, after)) ? after : start;
}
