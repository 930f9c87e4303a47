import type { Queryable } from '../query.ts';
import { qualifiedName, type ResourceTable } from '../resource-tables.ts';

/** The resource types that have a resource of each of these ids, in tables of Aidbox's shape. */
export async function findTypesOfIds(
  db: Queryable,
  tables: readonly ResourceTable[],
  ids: readonly string[],
): Promise<Map<string, string[]>> {
  const types = new Map<string, string[]>();
  if (tables.length === 0 || ids.length === 0) return types;
  const each = tables.map((table) => `select id, resource_type from ${qualifiedName(table)} where id = any ($1)`);
  const { rows } = await db.query<{ id: string; resource_type: string | null }>(each.join(' union all '), [ids]);
  for (const { id, resource_type: type } of rows) if (type !== null) types.set(id, [...(types.get(id) ?? []), type]);
  return types;
}
