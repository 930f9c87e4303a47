import type pg from 'pg';
import { isPrimaryKeyDropped } from '../store/disabled-index/disabled-index.ts';
import { tryHoldPrimaryKey } from '../store/disabled-index/table-lock.ts';
import type { ResourceTable } from '../store/resource-tables.ts';

/**
 * Whether the table's primary key is not dropped, and will not be before the end of the transaction. The load's session
 * sees to that, but may have been lost a moment ago. The lock comes first, so that the look is not outdated.
 */
export async function hasKey(client: pg.ClientBase, table: ResourceTable): Promise<boolean> {
  return (await tryHoldPrimaryKey(client, table)) && !(await isPrimaryKeyDropped(client, table));
}
