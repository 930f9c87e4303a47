/**
 * Known resource types, by their name in lowercase: FHIR's, and every table of Aidbox's shape in the database.
 */
export type ResourceTypes = ReadonlyMap<string, string>;

/**
 * The type that an object's name promises (seed, "Files content and naming requirement"): the base name's whole run
 * of leading letters, in any case, followed by something that is no letter; extension `.ndjson.gz` or `.ndjson`.
 * Types of Aidbox's own making may have digits and underscores too: the longest that the name starts with, where the
 * letters alone are no type.
 * @param key an object key, with subdirectories of any depth
 * @returns the type as the database spells it, or undefined when the file is to be ignored
 */
export function resourceTypeOfKey(key: string, types: ResourceTypes): string | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const [, start, letters] = /^(([A-Za-z]+)\w*).*\.ndjson(\.gz)?$/.exec(name) ?? [];
  if (start === undefined || letters === undefined) return undefined;
  const typeNamed = (length: number) =>
    /^\p{L}/u.test(name.slice(length)) ? undefined : types.get(name.slice(0, length).toLowerCase());
  const plain = typeNamed(letters.length);
  if (plain !== undefined) return plain;
  for (let length = start.length; length > letters.length; length--) {
    const type = typeNamed(length);
    if (type !== undefined) return type;
  }
  return undefined;
}
