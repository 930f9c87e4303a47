import pg from 'pg';
import type { Queryable } from '../query.ts';
import { RESOURCE_COLUMNS, type ResourceRow } from './resource-row.ts';
import { type SearchFilter, searchCondition } from './search-condition.ts';

/** A field to sort by: a path in the resource, or `_lastUpdated`, `_createdAt`, `_id`. */
export interface SearchSort {
  path: readonly string[];
  descending: boolean;
}

export interface Search {
  filters: readonly SearchFilter[];
  sort: readonly SearchSort[];
  /** Rows in a page; 0 only counts. */
  count: number;
  /** Page number from 1. */
  page: number;
}

/** A map, not an object: `constructor` is not a column. */
const COLUMN_OF: ReadonlyMap<string, string> = new Map([
  ['_lastUpdated', 'ts'],
  ['_createdAt', 'cts'],
  ['_id', 'id'],
]);

/** Finds a page of a resource table's rows, and how many there are in all. */
export async function searchResources(
  db: Queryable,
  table: string,
  { filters, sort, count, page }: Search,
): Promise<{ total: number; rows: ResourceRow[] }> {
  const { where, values } = searchCondition(filters);
  const from = `from ${pg.escapeIdentifier(table)} where ${where}`;
  const counted = await db.query<{ total: number }>(`select count(*)::int as total ${from}`, values);
  const order = sort.map(({ path, descending }) => {
    const column = COLUMN_OF.get(path.join('.'));
    // As jsonb, so that numbers are in the order of numbers.
    const key = column ?? `resource #> $${values.push(path)}::text[]`;
    return `${key} ${descending ? 'desc' : 'asc'} nulls last`;
  });
  const { rows } = await db.query<ResourceRow>(
    `select ${RESOURCE_COLUMNS} ${from} order by ${[...order, 'id'].join(', ')}
      limit $${values.push(count)} offset $${values.push((page - 1) * count)}`,
    values,
  );
  return { total: counted.rows[0]?.total ?? 0, rows };
}
