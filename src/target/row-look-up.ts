import type pg from 'pg';
import type { RowRanges } from './row-ranges.ts';

/** Tells which rows of a file need not be sent, by hashes of their bytes. */
export interface RowLookUp {
  /** Key of the hashes: 32 bytes that nobody can know who writes a file. */
  readonly key: Buffer;
  /** Whether nothing is stored: rows are hashed for later, and all are sent. */
  readonly isEmpty: boolean;
  /**
   * Takes rows that follow each other in the file; each row is given once at most.
   * @param firstRow its 1-based number in the file
   * @param hashFields 16 bytes each, with their length before them: fields of Postgres's binary form
   * @returns of those given, 0-based: the rows that may not be stored the same
   */
  findOthers(client: pg.ClientBase, firstRow: number, hashFields: Buffer): Promise<RowRanges>;
}
