import type { LineErrorDetail, LineFailure } from '../errors/line-error.ts';
import type { ReferenceTarget } from '../fhir/reference-target.ts';
import type { PlainRows } from './plain-rows.ts';

/** What a line became: a row, nothing (a blank line), or a failure. */
export type LineResult = 'row' | 'blank' | LineFailure;

/** The row that a line became. Stands until the transform takes another line. */
export interface TransformedLine {
  /** The id's bytes are `idBytes[idStart, idEnd)`. */
  readonly idBytes: Buffer;
  readonly idStart: number;
  readonly idEnd: number;
  /** When the resource was last updated, in microseconds since 2000-01-01, where that is known and kept. */
  readonly ts?: bigint | undefined;
  /** What became of its open references; absent where they are not resolved. Read before the next line is taken. */
  readonly references?: readonly ReferenceTarget[] | undefined;
  /** Length of the JSON text, in bytes. */
  readonly jsonBytes: number;
  /** Writes the JSON text, `jsonBytes` long, into `out` from `at` on. @returns the offset past it */
  writeJson(out: Buffer, at: number): number;
}

/** The resources that the open references of a file's lines mean. */
export interface KnownReferences {
  /** Undefined for a reference that is not open. */
  targetOf(uri: string): ReferenceTarget | undefined;
}

/**
 * Makes the row of each line of an ndjson file: finds the resource's id, and says which JSON text is stored for it. One
 * transform serves one file; to add one, implement this and register it in `create-transform.ts`.
 *
 * It runs for every line of every file: it works on the line's bytes, and the text is written once, straight into the
 * buffer that goes to Postgres, which is why its length has to be known before.
 */
export interface LineTransform extends TransformedLine {
  /** Sets the buffer that the following lines lie in, in ascending order. */
  attach(buffer: Buffer): void;
  /**
   * Takes the line [start, end) of the attached buffer, its line feed excluded.
   * After `'row'` the fields of `TransformedLine` hold the row; after a failure `failureDetail` says more.
   */
  take(start: number, end: number): LineResult;
  /** Makes the rows of many lines at once, for the same result; absent where each is to be taken by itself. */
  readonly plainRows?: PlainRows | undefined;
  /** What the error of a line that failed names besides the line's number: the id, where it was read, and so on. */
  readonly failureDetail: LineErrorDetail;
}
