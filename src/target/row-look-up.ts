import type pg from 'pg';

/** Tells which rows of a file need not be sent, by hashes of their bytes. */
export interface RowLookUp {
  /** 16 bytes that the hashed bytes begin with. */
  readonly scope: Buffer;
  /**
   * Takes the next rows of the file; each row is given once.
   * @param firstRow its 1-based number in the file
   * @param hashes in hexadecimal
   * @returns 0-based, ascending, of those given: the rows that may not be stored the same
   */
  findOthers(
    client: pg.ClientBase,
    firstRow: number,
    ids: readonly string[],
    hashes: readonly string[],
  ): Promise<number[]>;
}
