/** Longest text of a failure that is kept, in characters: a store, a trigger or a file's line can make it any length. */
const MOST_CHARACTERS = 2_000;

/** A text as it is stored, logged and answered: its beginning, where it is too long. */
export function capText(text: string): string {
  if (text.length <= MOST_CHARACTERS) return text;
  // Not in the middle of a surrogate pair, which would be no text.
  const kept = text.slice(0, MOST_CHARACTERS).replace(/[\ud800-\udbff]$/, '');
  return `${kept}… (${text.length - kept.length} more characters)`;
}
