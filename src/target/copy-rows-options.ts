import type { LineMemory } from '../pipeline/line-memory.ts';
import type { EncoderOptions } from '../pipeline/row-encoder.ts';
import type { StageTimes } from '../pipeline/stage-times.ts';
import type { RowHashes } from './row-hasher.ts';
import type { RowLookUp } from './row-look-up.ts';

/** A look-up of rows, and what hashes them for it, which the files of a thread share. */
export interface HashedLookUp {
  rows: RowLookUp;
  hashes: RowHashes;
}

/** How one file's bytes become rows of one table. */
export interface CopyRowsOptions {
  /** A `COPY … FROM STDIN` whose columns and format fit the encoder's. */
  statement: string;
  encoder: EncoderOptions;
  /** Bad lines that may be left out; 0 by default: the first one fails the file. More only with one client. */
  maxErrors?: number;
  /** Tells which rows need not be sent; with one client, and no bad lines that may be left out. */
  lookUp?: HashedLookUp | undefined;
  /** Looks up what the lines in a file's next bytes refer to, before they are encoded. */
  lookAhead?: ((chunk: Buffer) => Promise<void>) | undefined;
  /** Of all long lines in this process; without it a line takes what it needs. */
  lineMemory?: LineMemory | undefined;
  signal: AbortSignal;
  /** Is added to. */
  times: StageTimes;
}
