import type pg from 'pg';

/** Tells which rows of a file need not be sent, by hashes of their bytes. */
export interface RowLookUp {
  /** 16 bytes that the hashed bytes begin with. */
  readonly scope: Buffer;
  /** Whether nothing is stored: rows are hashed for later, and all are sent. */
  readonly isEmpty: boolean;
  /**
   * Takes rows that follow each other in the file; each row is given once at most.
   * @param firstRow its 1-based number in the file
   * @param hashes 16 bytes each
   * @returns 0-based, ascending, of those given: the rows that may not be stored the same
   */
  findOthers(client: pg.ClientBase, firstRow: number, hashes: Buffer): Promise<number[]>;
}
