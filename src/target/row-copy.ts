import type { BadLine } from '../pipeline/bad-lines.ts';
import type { RowCounts } from '../pipeline/row-counts.ts';

/** A file's rows on their way into Postgres. */
export interface RowCopy extends RowCounts {
  /** The lines that were left out so far, in the order of the file. */
  readonly badLines: readonly BadLine[];
  /** Bytes in memory of a line whose end has not arrived yet. */
  readonly pendingBytes: number;
  /** How the bytes given to `write` are kept: `passing` ones are not read again after it. */
  readonly memory: 'lasting' | 'passing';
  /** Rejects as soon as Postgres refuses, also while nothing is being written; never resolves. */
  readonly failed: Promise<never>;
  /**
   * Encodes a file's next bytes and sends their rows; resolves when more can be taken.
   * @throws LineError, TooManyBadLines, what Postgres answers
   */
  write(chunk: Buffer): Promise<void>;
  /** The file has ended; resolves when Postgres has taken all rows. */
  end(): Promise<void>;
  /** Makes the COPYs in flight fail; their transactions must be rolled back. Resolves when their connections are free. */
  abort(reason: Error): Promise<void>;
  /** The line of the file that a Postgres error refers to, where it names one. */
  lineOf(error: unknown): number | undefined;
  /** The line of the file that the 1-based row of its only COPY came from, where that is known. */
  lineOfRow(row: number): number | undefined;
}
