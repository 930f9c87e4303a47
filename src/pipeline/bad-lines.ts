import type { Failure } from '../errors/failure.ts';
import { FileError } from '../errors/file-error.ts';
import type { ReferenceTarget } from '../fhir/reference-target.ts';

/** How much of a bad line is kept, in bytes. */
export const KEPT_LINE_BYTES = 1024;

/** Where a line stands. */
export interface LinePlace {
  /** 1-based number of the line in the file. */
  line: number;
  /** Offset of the line in the unpacked file, in bytes. */
  offset: number;
  /** The line's bytes are `buffer[start, end)`; of a line that is too long, its beginning. */
  buffer: Buffer;
  start: number;
  end: number;
  /** What became of its open references, where it is a row and they are resolved. */
  references?: readonly ReferenceTarget[] | undefined;
}

/** A line that was left out, and why. */
export interface BadLine {
  line: number;
  offset: number;
  id: string | undefined;
  source: Failure['source'];
  code: string;
  message: string;
  /** The line's first 1 kB. */
  text: string;
}

/** More bad lines than the call allows. Carries those that were found. */
export class TooManyBadLines extends FileError {
  override readonly name = 'TooManyBadLines';
  readonly badLines: readonly BadLine[];

  constructor(maxErrors: number, badLines: readonly BadLine[]) {
    const [first] = badLines;
    super(`more than ${maxErrors} bad lines (max-errors); the first is ${first?.message}`, {
      source: 'aidbox',
      code: 'too-many-errors',
      line: first?.line,
    });
    this.badLines = badLines;
  }
}

/** The lines of a file that are left out. */
export class BadLines {
  readonly #most: number;
  readonly #found: BadLine[] = [];

  /** @param most how many may be left out */
  constructor(most: number) {
    this.#most = most;
  }

  /** In the order of the file. */
  get all(): BadLine[] {
    return this.#found.toSorted((a, b) => a.line - b.line);
  }

  /**
   * Leaves out the line at `place`.
   * @param id the resource's id, where it is known
   * @throws TooManyBadLines
   */
  add(
    { line, offset, buffer, start, end }: LinePlace,
    { source, code, message }: Failure,
    id: string | undefined,
  ): void {
    const text = buffer.toString('utf8', start, Math.min(end, start + KEPT_LINE_BYTES));
    this.#found.push({ line, offset, id, source, code, message, text });
    if (this.#found.length > this.#most) throw new TooManyBadLines(this.#most, this.all);
  }
}
