import type { ResourceTable } from '../store/resource-tables.ts';
import { InsertTarget } from './insert-target.ts';
import type { RowTarget } from './row-target.ts';
import { UpsertTarget } from './upsert-target.ts';

/** How a load writes its rows. Plain data: it crosses to a worker thread. */
export type TargetName = 'insert' | 'upsert';

/**
 * The target of one file's rows.
 * @param type in FHIR's spelling; @param txid the file's number
 * @param defaultTs where rows bring a `ts` of their own: that of those which do not; undefined leaves `ts` to the load
 */
export function createTarget(
  name: TargetName,
  table: ResourceTable,
  type: string,
  txid: bigint,
  defaultTs?: bigint,
): RowTarget {
  switch (name) {
    case 'insert':
      return new InsertTarget(table, type, txid, defaultTs);
    case 'upsert':
      return new UpsertTarget(table, type, txid, defaultTs);
  }
}
