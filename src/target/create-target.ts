import type { ResourceTable } from '../store/resource-tables.ts';
import { InsertTarget } from './insert-target.ts';
import type { RowTarget } from './row-target.ts';
import { type UpsertRules, UpsertTarget } from './upsert/upsert-target.ts';

/** How a load writes its rows. Plain data: it crosses to a worker thread. */
export type WriteMode = { kind: 'insert' } | { kind: 'upsert'; rules: UpsertRules };

export interface TargetOptions {
  table: ResourceTable;
  /** In FHIR's spelling. */
  type: string;
  /** The file's number. */
  txid: bigint;
  /** Where rows bring a `ts` of their own: that of those which do not; undefined leaves `ts` to the load. */
  defaultTs: bigint | undefined;
  /** Whether rows that Postgres refuses are left out, each by itself. */
  lenient: boolean;
}

/** The target of one file's rows. */
export function createTarget(mode: WriteMode, options: TargetOptions): RowTarget {
  switch (mode.kind) {
    case 'insert': {
      const { table, type, txid, defaultTs } = options;
      return new InsertTarget(table, type, txid, defaultTs);
    }
    case 'upsert':
      return new UpsertTarget({ ...options, rules: mode.rules });
  }
}
