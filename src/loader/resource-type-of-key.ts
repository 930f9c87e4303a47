/**
 * Known resource types, by their name in lowercase: FHIR's, and every table of Aidbox's shape in the database.
 */
export type ResourceTypes = ReadonlyMap<string, string>;

/**
 * The type that an object's name promises (seed, "Files content and naming requirement"): the base name's whole run
 * of leading letters, in any case, followed by something that is no letter; extension `.ndjson.gz` or `.ndjson`.
 * @param key an object key, with subdirectories of any depth
 * @returns the type as the database spells it, or undefined when the file is to be ignored
 */
export function resourceTypeOfKey(key: string, types: ResourceTypes): string | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const letters = /^([A-Za-z]+)(?![\p{L}]).*\.ndjson(\.gz)?$/u.exec(name)?.[1];
  return letters === undefined ? undefined : types.get(letters.toLowerCase());
}
