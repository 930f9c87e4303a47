/**
 * What keeps a text out of Postgres and of S3's requests, which take UTF-8: U+0000, or half a surrogate pair, which JSON and
 * YAML can write by an escape. Completes the name of what it is in.
 * @returns undefined where nothing does
 */
export function textProblem(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain U+0000';
  if (text.isWellFormed()) return undefined;
  // With `u` the expression matches halves alone, not those of a pair.
  const half = /[\ud800-\udfff]/u.exec(text)?.[0] ?? '';
  return `must not contain U+${half.charCodeAt(0).toString(16).toUpperCase()}, half a surrogate pair`;
}
