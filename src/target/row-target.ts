import type pg from 'pg';
import type { LeadingFields } from '../pipeline/copy-row-writer.ts';
import type { StoredRows } from '../store/loader-file/stored-rows.ts';
import type { RowCopy } from './row-copy.ts';
import type { RowLookUp } from './row-look-up.ts';

/**
 * Where the rows of one file go: which COPY takes them, and what goes before and after it in the same transaction. To add
 * one, implement this in a file beside `insert-target.ts` and register it in `create-target.ts`.
 */
export interface RowTarget extends LeadingFields {
  /** Set by `prepare`, where rows can be looked up instead of sent. Their first fields are then `HASHED_FIELDS`. */
  readonly lookUp?: RowLookUp | undefined;
  /** A `COPY … FROM STDIN`, in the format given, of the leading fields, then `id text` and `resource jsonb`. */
  readonly statement: string;
  /** Run before COPY, on the same connection; what it gives to COPY stands only after it. */
  prepare(client: pg.ClientBase): Promise<void>;
  /** Run after COPY, on the same connection. @returns what became of the rows @throws RowsKeptOut, RepeatedId */
  complete(client: pg.ClientBase, copy: RowCopy): Promise<StoredRows>;
}
