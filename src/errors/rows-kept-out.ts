import { FileError } from './file-error.ts';

/** Postgres stored fewer rows than it was sent, and without an error. */
export class RowsKeptOut extends FileError {
  override readonly name = 'RowsKeptOut';

  constructor(stored: number, sent: number, table: string) {
    super(
      `Postgres stored ${stored} of ${sent} rows: a trigger or rule of ${table} kept the others out; ` +
        'disable it for the load, or load into a table without it',
      { source: 'aidbox', code: 'rows-kept-out' },
    );
  }
}

/**
 * Checks that all rows were stored, by what Postgres counted in the statement's command tag: rows that a trigger
 * swallows are not in it. Whatever writes a file's rows calls this before it says `loaded`.
 * @throws RowsKeptOut
 */
export function checkAllStored(stored: number | null | undefined, sent: number, table = 'the table'): void {
  if (stored !== sent) throw new RowsKeptOut(stored ?? 0, sent, table);
}
