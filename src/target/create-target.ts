import type { CopyFormat } from '../pipeline/copy-row-writer.ts';
import type { DistributedTables } from '../store/distributed-tables.ts';
import type { ResourceTable } from '../store/resource-tables.ts';
import { DeleteTarget } from './delete-target.ts';
import { InsertTarget } from './insert-target.ts';
import { InsertVersionsTarget } from './insert-versions-target.ts';
import type { RowTarget } from './row-target.ts';
import { UpsertTarget } from './upsert/upsert-target.ts';
import type { WriteMode } from './write-mode.ts';

export interface TargetOptions {
  /** Undefined where the lines name the tables. */
  table: ResourceTable | undefined;
  /** In FHIR's spelling. */
  type: string;
  /** The file's number. */
  txid: bigint;
  /** Where rows bring a `ts` of their own: that of those which do not; undefined leaves `ts` to the load. */
  defaultTs: bigint | undefined;
  /** How the rows of an insert are sent; all others go through tables of the session, in binary form. */
  format: CopyFormat;
  /** Whether an insert is refused where the table's columns have other types by now; Citus takes none that looks. */
  checksTypes: boolean;
  /** Whether rows that Postgres refuses are left out, each by itself. */
  lenient: boolean;
  distributed: DistributedTables;
}

/** The target of one file's rows. */
export function createTarget(mode: WriteMode, options: TargetOptions): RowTarget {
  switch (mode.kind) {
    case 'insert':
      return new InsertTarget(tableOf(options), options.type, options.txid, options.defaultTs, options);
    case 'insert-versions':
      return new InsertVersionsTarget({ ...options, table: tableOf(options) });
    case 'upsert':
      return new UpsertTarget({ ...options, table: tableOf(options), rules: mode.rules });
    case 'delete':
      return new DeleteTarget({ ...options, history: mode.history });
  }
}

function tableOf({ table, type }: TargetOptions): ResourceTable {
  if (table === undefined) throw new Error(`rows of ${type} need a table`);
  return table;
}
