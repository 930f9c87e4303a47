import type pg from 'pg';
import type { LeadingFields } from '../pipeline/copy-row-writer.ts';

/**
 * Where the rows of one file go: which COPY takes them, and what goes before and after it in the same transaction. To add
 * one, implement this in a file beside `insert-target.ts` and register it in `create-target.ts`.
 */
export interface RowTarget extends LeadingFields {
  /** A `COPY … FROM STDIN (FORMAT binary)` of the leading fields, then `id text` and `resource jsonb`. */
  readonly statement: string;
  /** Run before COPY, on the same connection. */
  prepare(client: pg.ClientBase): Promise<void>;
  /** Run after COPY, which took `rows`, on the same connection. @throws RowsKeptOut */
  complete(client: pg.ClientBase, rows: number): Promise<void>;
  /** Explains an error of Postgres where its own message does not; appended to the file's message. */
  explain(error: unknown): string | undefined;
}

/** Size of the buffers handed to COPY, in bytes. */
export const COPY_CHUNK_BYTES = 256 * 1024;
