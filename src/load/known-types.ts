import { ACCESS_TYPES, isLoadable, type LoadableTypes } from '../fhir/loadable-types.ts';
import { FHIR_RESOURCE_TYPES } from '../fhir/resource-types.ts';
import type { Queryable } from '../store/query.ts';
import { listResourceTables, spellingOfType } from '../store/resource-tables.ts';
import type { ResourceTypes } from './resource-type-of-key.ts';

/** The types that an object's name can promise. */
export interface KnownTypes {
  /** Files of these are loaded. */
  loadable: ResourceTypes;
  /** Files of these would be if LOADER_RESOURCE_TYPES named their type. */
  withheld: ResourceTypes;
}

/**
 * Reads which resource types this database can take: FHIR R4, R4B and R5, what the operator names, and where he allows it
 * every table of Aidbox's shape; spelled as the table's rows spell it (as the table's name while it is empty).
 */
export async function knownTypes(db: Queryable, rules: LoadableTypes): Promise<KnownTypes> {
  const loadable = byName([...rules.named, ...FHIR_RESOURCE_TYPES]);
  const withheld = byName(ACCESS_TYPES.filter((type) => !isLoadable(type, rules)));
  const fhir = byName(FHIR_RESOURCE_TYPES);
  for (const table of await listResourceTables(db)) {
    if (fhir.has(table)) continue;
    if (!isLoadable(table, rules)) withheld.set(table, table);
    else loadable.set(table, (await spellingOfType(db, table)) ?? loadable.get(table) ?? table);
  }
  return { loadable, withheld };
}

function byName(types: readonly string[]): Map<string, string> {
  return new Map(types.map((type) => [type.toLowerCase(), type]));
}
