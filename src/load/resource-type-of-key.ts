/**
 * Known resource types, by their name in lowercase: FHIR's, and every table of Aidbox's shape in the database.
 */
export type ResourceTypes = ReadonlyMap<string, string>;

/** How the names of files end that can be loaded, the longest first. */
export const EXTENSIONS = ['.ndjson.gz', '.ndjson.zst', '.ndjson'];

/** A type's name is a table's, which Postgres lets be this long; what is longer in a key is not compared with any. */
const LONGEST_TYPE = 63;

/**
 * The resource type in an object's name, by the rule of Aidbox's documentation ("Bulk import from an S3 bucket", "Files
 * content and naming requirement"): all leading letters of the base name, in any case, up to the first character that
 * is not a letter; extension `.ndjson.gz`, `.ndjson.zst` or `.ndjson`. Custom types of an Aidbox may also have digits and
 * underscores: where the letters alone are not a type, the longest type that the name starts with.
 * @param key an object key, with subdirectories of any depth; anybody who can write to the bucket chooses it, so the
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
