import type pg from 'pg';
import type { ConstantField, CopyFormat } from '../pipeline/copy-row-writer.ts';
import type { StoredRows } from '../store/loader-file/stored-rows.ts';
import { qualifiedName, type ResourceTable } from '../store/resource-tables.ts';
import type { RowCopy } from './row-copy.ts';
import type { RowTarget } from './row-target.ts';

/**
 * Refused where a column is of a type that would take the bytes of another one as they are: a text those of jsonb, a float8 those of an
 * int8. The table is looked at before its load, but may be altered in it, and a COPY waits for that. Postgres looks the operators up once it
 * has the COPY's lock, and folds the rest away: 200,000 rows took as long with it as without. It asks for the right to select.
 */
const TYPES_FIT = `where true or (pg_catalog.lower(id) = '' and pg_catalog.lower(resource_type) = ''
  and txid operator(pg_catalog.&) 1 = 1 and resource operator(pg_catalog.?) '')`;

/** New rows straight into the resource table; an id that exists is a unique violation (23505). */
export class InsertTarget implements RowTarget {
  readonly statement: string;
  readonly constants: readonly ConstantField[];
  readonly defaultTs: bigint | undefined;

  readonly format: CopyFormat;

  /**
   * @param options.format `text` has Citus hand jsonb on unparsed; then its errors name no line
   * @param options.checksTypes whether rows are refused whose columns have other types by now; Citus takes no such COPY
   */
  constructor(
    table: ResourceTable,
    type: string,
    txid: bigint,
    defaultTs?: bigint,
    { format = 'binary', checksTypes = false }: { format?: CopyFormat; checksTypes?: boolean } = {},
  ) {
    const ts = defaultTs === undefined ? '' : 'ts, ';
    const columns = `txid, resource_type, status, ${ts}id, resource`;
    this.statement = `copy ${qualifiedName(table)} (${columns}) from stdin (format ${format})${checksTypes ? ` ${TYPES_FIT}` : ''}`;
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
