import type { CopyBuffers } from './copy-buffers.ts';
import type { TransformedLine } from './transform.ts';

/** Takes a full buffer, and calls `reuse` once nobody reads it any more. */
export type EmitChunk = (chunk: Buffer, reuse: () => void) => void;

/**
 * Rows on their way into COPY, gathered in buffers, each handed on when it is full. A row is never split; one larger than
 * a buffer gets a buffer of its own.
 */
export abstract class RowChunks {
  readonly #buffers: CopyBuffers;
  readonly #emit: EmitChunk;
  protected out: Buffer;
  /** The offset past what is written. */
  protected at = 0;
  #rowStart = 0;

  /**
   * @param buffers where they come from
   * @param emit takes a full buffer; it is written to again only when `reuse` is called
   */
  constructor(buffers: CopyBuffers, emit: EmitChunk) {
    this.#buffers = buffers;
    this.#emit = emit;
    this.out = buffers.take();
  }

  /** Writes one row. */
  abstract row(line: TransformedLine): void;

  /** Writes what closes the COPY, and hands on what is left. */
  abstract end(): void;

  /** Where in the buffer that is not handed on yet the last row begins. */
  get rowStart(): number {
    return this.#rowStart;
  }

  /** Where it ends. */
  get rowEnd(): number {
    return this.at;
  }

  /** Hands on what is written so far. */
  flush(): void {
    if (this.at === 0) return;
    this.#emitOut(this.at);
    this.out = this.#buffers.take();
    this.at = 0;
  }

  /** Begins a row of at most so many bytes. @returns where */
  protected beginRow(bytes: number): number {
    this.reserve(bytes);
    this.#rowStart = this.at;
    return this.at;
  }

  protected reserve(bytes: number): void {
    if (this.at + bytes <= this.out.length) return;
    if (this.at > 0) this.#emitOut(this.at);
    this.out = this.#bufferFor(bytes);
    this.at = 0;
  }

  /** Moves the row that is being written, so far up to `end`, to where it has room for so many bytes. @returns its new end */
  protected growRow(end: number, bytes: number): number {
    const { out } = this;
    const start = this.#rowStart;
    if (start + bytes <= out.length) return end;
    const next = this.#bufferFor(bytes);
    out.copy(next, 0, start, end);
    if (start > 0) this.#emitOut(start);
    else this.#buffers.giveBack(out);
    this.out = next;
    this.#rowStart = 0;
    return end - start;
  }

  /** Hands on what is left, before no further row. */
  protected emitLast(): void {
    this.#emitOut(this.at);
  }

  #emitOut(end: number): void {
    const { out } = this;
    this.#emit(out.subarray(0, end), () => this.#buffers.giveBack(out));
  }

  #bufferFor(bytes: number): Buffer {
    return bytes <= this.#buffers.bytes ? this.#buffers.take() : Buffer.allocUnsafeSlow(bytes);
  }
}
