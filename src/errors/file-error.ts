import { capText } from './cap-text.ts';

/** Who a failure comes from, in the words of LoaderFile's `error.source`; `aidbox` is the loader itself. */
export type FailureSource = 'postgres' | 'aws' | 'aidbox';

/** Codes are words; a store may answer anything. */
const MOST_CODE_CHARACTERS = 64;

export interface FileErrorOptions extends ErrorOptions {
  source: FailureSource;
  /** What LoaderFile's `error.code` holds. */
  code: string;
  /** Whether the same attempt can succeed later without anybody changing anything; false by default. */
  transient?: boolean | undefined;
  /** 1-based line of the file. */
  line?: number | undefined;
}

/**
 * Base of the errors that say why a file cannot be loaded or a bucket not listed, with a message for the user. Sources,
 * pipeline and targets throw subclasses of their own; the rooms above read only what is here.
 */
export class FileError extends Error {
  override readonly name: string = 'FileError';
  readonly source: FailureSource;
  readonly code: string;
  readonly transient: boolean;
  readonly line: number | undefined;

  constructor(message: string, { source, code, transient = false, line, cause }: FileErrorOptions) {
    super(capText(message), cause === undefined ? undefined : { cause });
    this.source = source;
    this.code = code.slice(0, MOST_CODE_CHARACTERS);
    this.transient = transient;
    this.line = line;
  }
}
