import { FileError } from './file-error.ts';
import { SQLSTATE } from './sqlstate.ts';

/** An id that stands twice in a file; the code is that of the unique violation that a plain load meets. */
export class RepeatedId extends FileError {
  override readonly name = 'RepeatedId';

  /** @param first,second the 1-based lines, where they are known */
  constructor(id: string, first: number | undefined, second: number | undefined) {
    const lines = first === undefined || second === undefined ? '' : ` (line ${second}; line ${first} has it too)`;
    super(
      `${SQLSTATE.uniqueViolation}: id ${JSON.stringify(id)} stands twice in the file${lines}; ` +
        'with upsert? an id may still stand only once in a file',
      { source: 'postgres', code: SQLSTATE.uniqueViolation, line: second },
    );
  }
}
