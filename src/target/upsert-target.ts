import pg from 'pg';
import { checkAllStored } from '../errors/rows-kept-out.ts';
import { SQLSTATE } from '../errors/sqlstate.ts';
import { qualifiedName, type ResourceTable } from '../store/resource-tables.ts';
import type { RowTarget } from './row-target.ts';

/** Name of the temporary table, and with it of its key, that the rows are staged in. */
const STAGE = 'fhir_bucket_loader_stage';

/**
 * Rows by way of a temporary table whose key finds an id that stands twice in the file, with its line; then new ones
 * are inserted and existing ones overwritten: `status` updated, `ts` and `txid` new, `cts` kept. The time comes by way of
 * `excluded`, since Citus takes only immutable functions in `do update set`.
 */
export class UpsertTarget implements RowTarget {
  readonly statement: string;
  readonly constants = [];
  readonly defaultTs: bigint | undefined;

  readonly #table: ResourceTable;
  readonly #type: string;
  readonly #txid: bigint;

  constructor(table: ResourceTable, type: string, txid: bigint, defaultTs?: bigint) {
    const ts = defaultTs === undefined ? '' : 'ts, ';
    this.statement = `copy pg_temp.${STAGE} (${ts}id, resource) from stdin (format binary)`;
    this.defaultTs = defaultTs;
    this.#table = table;
    this.#type = type;
    this.#txid = txid;
  }

  async prepare(client: pg.ClientBase): Promise<void> {
    await client.query(
      `create temporary table ${STAGE} (id text not null constraint ${STAGE}_key primary key,
         ts timestamptz not null default current_timestamp, resource jsonb not null) on commit drop`,
    );
  }

  async complete(client: pg.ClientBase, rows: number): Promise<void> {
    const { rowCount } = await client.query(
      `insert into ${qualifiedName(this.#table)} as existing (id, txid, ts, resource_type, status, resource)
       select id, $1, ts, $2, 'created', resource from pg_temp.${STAGE}
       on conflict (id) do update
          set txid = excluded.txid, ts = excluded.ts, resource_type = excluded.resource_type,
              status = 'updated', resource = excluded.resource`,
      [this.#txid.toString(), this.#type],
    );
    checkAllStored(rowCount, rows);
  }

  explain(error: unknown): string | undefined {
    const inStage =
      error instanceof pg.DatabaseError &&
      error.code === SQLSTATE.uniqueViolation &&
      error.constraint === `${STAGE}_key`;
    return inStage ? 'with upsert? an id may still stand only once in a file' : undefined;
  }
}
