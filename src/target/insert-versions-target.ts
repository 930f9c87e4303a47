import type pg from 'pg';
import type { DistributedTables } from '../store/distributed-tables.ts';
import type { StoredRows } from '../store/loader-file/stored-rows.ts';
import { qualifiedName, type ResourceTable, resolveHistory } from '../store/resource-tables.ts';
import { InsertTarget } from './insert-target.ts';
import type { RowCopy } from './row-copy.ts';
import { NotOnCitus } from './upsert/not-on-citus.ts';
import { laterTs, laterTxid } from './version-number.ts';

export interface InsertVersionsOptions {
  table: ResourceTable;
  /** In FHIR's spelling. */
  type: string;
  txid: bigint;
  defaultTs: bigint | undefined;
  distributed: DistributedTables;
}

/**
 * New rows as by {@link InsertTarget}; in the same transaction those whose resource the history has as deleted become
 * `recreated`, as Aidbox has it, with a `txid` after that of the deletion.
 */
export class InsertVersionsTarget extends InsertTarget {
  readonly #options: InsertVersionsOptions;

  constructor(options: InsertVersionsOptions) {
    super(options.table, options.type, options.txid, options.defaultTs, { checksTypes: true });
    this.#options = options;
  }

  override async prepare(client?: pg.ClientBase): Promise<void> {
    if (client !== undefined && (await this.#options.distributed.isCitus(client))) throw new NotOnCitus('history?');
  }

  override async complete(client: pg.ClientBase, copy: RowCopy): Promise<StoredRows> {
    const { table, type, txid } = this.#options;
    const history = await resolveHistory(client, type);
    // No index has the deletions: they are read once for each file, and looked up in the table by its key. "offset 0" has
    // Postgres do so: by itself it took the file's rows, of which it has no statistics, for one, and read all deletions for each.
    await client.query(
      `with recreated as materialized (
         select deleted.id, deleted.txid, deleted.ts
           from (select distinct on (id) id, txid, ts from ${qualifiedName(history)}
                  where status = 'deleted' order by id, txid desc) deleted
          cross join lateral (select from ${qualifiedName(table)} t
                               where t.id = deleted.id and t.txid = $1 offset 0) brought
       )
       update ${qualifiedName(table)} t
          set status = 'recreated', txid = ${laterTxid('deleted.txid', 't.txid')}, ts = ${laterTs('deleted.ts', 't.ts')}
         from recreated deleted where t.id = deleted.id`,
      [txid.toString()],
    );
    return await super.complete(client, copy);
  }
}
