/** Whether more input may come. */
export type Flush = 'none' | 'end';

/** Unpacks one file's bytes, as much at a time as there is room for. */
export interface Decoder {
  /** Bytes of the input that the last `write` left. With room left, the data has ended before them. */
  readonly inputLeft: number;
  /** Bytes of the output that it left free. */
  readonly roomLeft: number;

  /**
   * Unpacks `input` from `from` on into `output` from `at` on.
   * @throws zlib's errors, or others with their codes and messages
   */
  write(flush: Flush, input: Buffer, from: number, output: Buffer, at: number): void;
  close(): void;
}
