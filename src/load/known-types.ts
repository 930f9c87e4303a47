import { FHIR_RESOURCE_TYPES } from '../fhir/resource-types.ts';
import type { Queryable } from '../store/query.ts';
import { listResourceTables, spellingOfType } from '../store/resource-tables.ts';
import type { ResourceTypes } from './resource-type-of-key.ts';

/**
 * Reads which resource types this database can take: FHIR R4, R4B and R5, and every table of Aidbox's shape, spelled
 * as its rows spell it (as the table's name while it is empty).
 */
export async function knownTypes(db: Queryable): Promise<ResourceTypes> {
  const types = new Map(FHIR_RESOURCE_TYPES.map((type) => [type.toLowerCase(), type]));
  for (const table of await listResourceTables(db)) {
    if (types.has(table)) continue;
    types.set(table, (await spellingOfType(db, table)) ?? table);
  }
  return types;
}
