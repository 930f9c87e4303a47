import pg from 'pg';
import type { Queryable } from '../query.ts';
import { RESOURCE_COLUMNS, type ResourceRow } from './resource-row.ts';
import { type SearchFilter, searchCondition } from './search-condition.ts';

/**
 * Deletes the rows that match, and returns them.
 * To be called in a transaction with a `lock_timeout`: a LoaderFile that is being loaded is locked until its end.
 */
export async function deleteResources(
  db: Queryable,
  table: string,
  filters: readonly SearchFilter[],
): Promise<ResourceRow[]> {
  const { where, values } = searchCondition(filters);
  const { rows } = await db.query<ResourceRow>(
    `delete from ${pg.escapeIdentifier(table)} where ${where} returning ${RESOURCE_COLUMNS}`,
    values,
  );
  return rows;
}
