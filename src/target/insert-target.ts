import type pg from 'pg';
import type { ConstantField, CopyFormat } from '../pipeline/copy-row-writer.ts';
import type { StoredRows } from '../store/loader-file/stored-rows.ts';
import { qualifiedName, type ResourceTable } from '../store/resource-tables.ts';
import type { RowCopy } from './row-copy.ts';
import type { RowTarget } from './row-target.ts';

/** New rows straight into the resource table; an id that exists is a unique violation (23505). */
export class InsertTarget implements RowTarget {
  readonly statement: string;
  readonly constants: readonly ConstantField[];
  readonly defaultTs: bigint | undefined;

  readonly format: CopyFormat;

  /** @param format `text` has Citus hand jsonb on unparsed; then its errors name no line */
  constructor(table: ResourceTable, type: string, txid: bigint, defaultTs?: bigint, format: CopyFormat = 'binary') {
    const ts = defaultTs === undefined ? '' : 'ts, ';
    this.statement = `copy ${qualifiedName(table)} (txid, resource_type, status, ${ts}id, resource) from stdin (format ${format})`;
    this.defaultTs = defaultTs;
    this.format = format;
    this.constants = [
      { kind: 'int8', value: txid },
      { kind: 'text', value: type },
      { kind: 'text', value: 'created' },
    ];
  }

  async prepare(_client?: pg.ClientBase): Promise<void> {}

  async complete(_client: pg.ClientBase, { rows }: RowCopy): Promise<StoredRows> {
    return { loaded: rows, outcomes: {} };
  }
}
