/**
 * Leaves out each prefix that another one covers, so that no object is listed twice.
 * No prefix at all means everything: one empty prefix.
 */
export function distinctPrefixes(prefixes: readonly string[]): string[] {
  if (prefixes.length === 0) return [''];
  const unique = [...new Set(prefixes)];
  return unique.filter((prefix) => !unique.some((other) => other !== prefix && prefix.startsWith(other)));
}
