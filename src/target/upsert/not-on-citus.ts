import { FileError } from '../../errors/file-error.ts';

/** A way to write rows that was never tried on Citus. */
export class NotOnCitus extends FileError {
  override readonly name = 'NotOnCitus';

  /** @param parameter as users write it */
  constructor(parameter: string) {
    super(`${parameter} is not possible on Citus; call without it`, { source: 'aidbox', code: 'not-on-citus' });
  }
}
