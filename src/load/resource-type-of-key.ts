/**
 * Known resource types, by their name in lowercase: FHIR's, and every table of Aidbox's shape in the database.
 */
export type ResourceTypes = ReadonlyMap<string, string>;

export const EXTENSIONS = ['.ndjson.gz', '.ndjson.zst', '.ndjson'];

/** A type's name is a table's, which Postgres lets be this long; what is longer in a key is not compared with any. */
const LONGEST_TYPE = 63;

/**
 * The type that an object's name promises (seed, "Files content and naming requirement"): the base name's whole run
 * of leading letters, in any case, followed by something that is no letter; extension `.ndjson.gz`, `.ndjson.zst` or `.ndjson`.
 * Types of Aidbox's own making may have digits and underscores too: the longest that the name starts with, where the
 * letters alone are no type.
 * @param key an object key, with subdirectories of any depth; whoever may write to the bucket has chosen it, so the
 * time taken grows with its length only
 * @returns the type as the database spells it, or undefined when the file is to be ignored
 */
export function resourceTypeOfKey(key: string, types: ResourceTypes): string | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const extension = EXTENSIONS.find((ending) => name.endsWith(ending));
  if (extension === undefined) return undefined;
  const stem = name.slice(0, -extension.length);
  const letters = lengthOf(/^[A-Za-z]+/, stem);
  if (letters === 0) return undefined;
  const typeNamed = (length: number) =>
    /^\p{L}/u.test(stem.slice(length)) ? undefined : types.get(stem.slice(0, length).toLowerCase());
  if (letters <= LONGEST_TYPE) {
    const plain = typeNamed(letters);
    if (plain !== undefined) return plain;
  }
  for (let length = Math.min(LONGEST_TYPE, lengthOf(/^\w+/, stem)); length > letters; length--) {
    const type = typeNamed(length);
    if (type !== undefined) return type;
  }
  return undefined;
}

function lengthOf(pattern: RegExp, text: string): number {
  return pattern.exec(text)?.[0].length ?? 0;
}
