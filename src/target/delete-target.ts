import type pg from 'pg';
import { FileError } from '../errors/file-error.ts';
import { checkAllStored } from '../errors/rows-kept-out.ts';
import type { DistributedTables } from '../store/distributed-tables.ts';
import { createResourceTable } from '../store/ensure-resource-table.ts';
import type { StoredRows } from '../store/loader-file/stored-rows.ts';
import type { Queryable } from '../store/query.ts';
import { findResourceTable, qualifiedName, type ResourceTable, resolveHistory } from '../store/resource-tables.ts';
import { checkShape, checkVersions } from '../store/table-shape.ts';
import type { RowTarget } from './row-target.ts';
import { NotOnCitus } from './upsert/not-on-citus.ts';
import { createStage, type Stage, stageOf } from './upsert/stage.ts';
import { copyTo } from './upsert/write-versions.ts';
import { laterTs, laterTxid } from './version-number.ts';

export interface DeleteOptions {
  txid: bigint;
  /** Whether the last version, and that it was deleted, go to the history table. */
  history: boolean;
  lenient: boolean;
  distributed: DistributedTables;
}

interface Deleted {
  deleted: number;
  missing: number;
}

/**
 * Deletes the resources that the lines of a file name (`DeletionTransform`), of any types, as Aidbox does: with `history`
 * the last version is copied there, and one of `status` deleted with a new `txid` and `ts` is added. One that is not there
 * is missing, and so are all of a type without a table.
 */
export class DeleteTarget implements RowTarget {
  readonly statement: string;
  readonly constants = [];
  readonly defaultTs = undefined;

  readonly #options: DeleteOptions;
  readonly #stage: Stage;

  constructor(options: DeleteOptions) {
    this.#options = options;
    this.#stage = stageOf({ keyed: options.lenient });
    this.statement = `copy ${this.#stage.name} (id, resource) from stdin (format binary)`;
  }

  async prepare(client: pg.ClientBase): Promise<void> {
    if (await this.#options.distributed.isCitus(client)) throw new NotOnCitus('apply-deletions?');
    await createStage(client, this.#stage);
  }

  async complete(client: pg.ClientBase): Promise<StoredRows> {
    const { rows: types } = await client.query<{ type: string; ids: number }>(
      `select d ->> 0 as type, count(distinct d ->> 1)::int as ids
         from ${this.#stage.name}, jsonb_array_elements(resource) d group by 1 order by 1`,
    );
    let deleted = 0;
    let missing = 0;
    for (const { type, ids } of types) {
      const of = await this.#deleteOf(client, type, ids);
      deleted += of.deleted;
      missing += of.missing;
    }
    return { loaded: 0, outcomes: { deleted, missing } };
  }

  async #deleteOf(db: Queryable, type: string, ids: number): Promise<Deleted> {
    const { txid } = this.#options;
    const { table, history: present } = await findResourceTable(db, type);
    if (table === undefined) return { deleted: 0, missing: ids };
    await checkShape(db, table);
    const history = this.#options.history ? (present ?? (await createHistory(db, type))) : undefined;
    if (history !== undefined) await checkVersions(db, table, history);
    const { rows } = await db.query<{ found: number; kept: number; marked: number; gone: number }>(
      `with found as materialized (
         select t.* from (select distinct d ->> 1 as id from ${this.#stage.name}, jsonb_array_elements(resource) d
                           where d ->> 0 = $1) named
           join ${qualifiedName(table)} t on t.id = named.id
          order by named.id collate "C"
            for update of t
       ), kept as (
         ${history === undefined ? 'select from found' : copyTo(history, 'found')}
       ), marked as (
         ${history === undefined ? 'select from found' : markDeleted(history, txid)}
       ), gone as (
         delete from ${qualifiedName(table)} t using found where t.id = found.id returning 1
       )
       select (select count(*)::int from found) as found, (select count(*)::int from kept) as kept,
              (select count(*)::int from marked) as marked, (select count(*)::int from gone) as gone`,
      [type],
    );
    const { found = 0, kept = 0, marked = 0, gone = 0 } = rows[0] ?? {};
    checkAllStored(kept + marked, 2 * found, history?.name);
    if (gone !== found) throw new DeletesKeptOut(gone, found, table.name);
    return { deleted: gone, missing: ids - found };
  }
}

async function createHistory(db: Queryable, type: string): Promise<ResourceTable> {
  await createResourceTable(db, type, { distribute: false });
  return await resolveHistory(db, type);
}

function markDeleted(history: ResourceTable, txid: bigint): string {
  return `insert into ${qualifiedName(history)} (id, txid, ts, cts, resource_type, status, resource)
          select id, ${laterTxid('txid', `${txid}::bigint`)}, ${laterTs('ts', 'current_timestamp')}, cts, resource_type, 'deleted', resource
            from found returning 1`;
}

/** Postgres deleted fewer rows than it was told to, and without an error. */
class DeletesKeptOut extends FileError {
  override readonly name = 'DeletesKeptOut';

  constructor(deleted: number, found: number, table: string) {
    super(
      `Postgres deleted ${deleted} of ${found} rows: a trigger or rule of ${table} kept the others; disable it for the load`,
      { source: 'aidbox', code: 'rows-kept-out' },
    );
  }
}
