/**
 * Leaves out each prefix that another one covers, so that no object is listed twice.
 * No prefix at all means everything: one empty prefix. Takes the time of a sort: a caller may give many.
 */
export function distinctPrefixes(prefixes: readonly string[]): string[] {
  if (prefixes.length === 0) return [''];
  const distinct: string[] = [];
  // Sorted, all that one prefix covers follows it at once.
  for (const prefix of [...prefixes].sort()) {
    const last = distinct.at(-1);
    if (last === undefined || !prefix.startsWith(last)) distinct.push(prefix);
  }
  return distinct;
}
