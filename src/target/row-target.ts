import pg from 'pg';
import { checkAllStored } from '../errors/rows-kept-out.ts';
import { SQLSTATE } from '../errors/sqlstate.ts';
import type { ConstantField } from '../pipeline/copy-row-writer.ts';
import type { CopyRowsOptions } from '../pipeline/copy-rows.ts';
import type { LineTransform } from '../pipeline/transform.ts';
import { qualifiedName, type ResourceTable } from '../store/resource-tables.ts';

/** Where a file's rows go first: which COPY takes them, and what has to follow it in the same transaction. */
export interface RowTarget {
  statement: string;
  constants: readonly ConstantField[];
  /** Run before COPY, on the same connection. */
  prepare(client: pg.ClientBase): Promise<void>;
  /** Run after COPY, which took `rows`. @throws RowsKeptOut */
  complete(client: pg.ClientBase, rows: number): Promise<void>;
}

/** Size of the buffers handed to COPY, in bytes. */
export const COPY_CHUNK_BYTES = 256 * 1024;

/** Name of the temporary table, and with it of its key, that an upsert stages its rows in. */
export const STAGE = 'fhir_bucket_loader_stage';

/** New rows straight into the resource table; an id that exists is a unique violation (23505). */
export function insertTarget(table: ResourceTable, type: string, txid: bigint): RowTarget {
  return {
    statement: `copy ${qualifiedName(table)} (txid, resource_type, status, id, resource) from stdin (format binary)`,
    constants: [
      { kind: 'int8', value: txid },
      { kind: 'text', value: type },
      { kind: 'text', value: 'created' },
    ],
    prepare: async () => {},
    complete: async () => {},
  };
}

/**
 * Rows by way of a temporary table whose key finds an id that stands twice in the file, with its line; then new ones
 * are inserted and existing ones overwritten: `status` updated, `ts` and `txid` new, `cts` kept. The time comes by way of
 * `excluded`, since Citus takes only immutable functions in `do update set`.
 */
export function upsertTarget(table: ResourceTable, type: string, txid: bigint): RowTarget {
  return {
    statement: `copy pg_temp.${STAGE} (id, resource) from stdin (format binary)`,
    constants: [],
    async prepare(client) {
      await client.query(
        `create temporary table ${STAGE} (id text not null constraint ${STAGE}_key primary key, resource jsonb not null)
           on commit drop`,
      );
    },
    async complete(client, rows) {
      const { rowCount } = await client.query(
        `insert into ${qualifiedName(table)} as existing (id, txid, ts, resource_type, status, resource)
         select id, $1, current_timestamp, $2, 'created', resource from pg_temp.${STAGE}
         on conflict (id) do update
            set txid = excluded.txid, ts = excluded.ts, resource_type = excluded.resource_type,
                status = 'updated', resource = excluded.resource`,
        [txid.toString(), type],
      );
      checkAllStored(rowCount, rows);
    },
  };
}

/** Whether the error is an upsert's "this id stands twice in the file". */
export function isDuplicateInFile(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false;
  return error.code === SQLSTATE.uniqueViolation && error.constraint === `${STAGE}_key`;
}

/** The encoder's options for a target. */
export function encoderFor(
  target: RowTarget,
  transform: LineTransform,
  { maxLineBytes, buffers }: Pick<CopyRowsOptions['encoder'], 'maxLineBytes' | 'buffers'>,
): CopyRowsOptions['encoder'] {
  return { transform, constants: target.constants, maxLineBytes, buffers };
}
