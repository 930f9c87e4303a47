/** A value as the text of a jsonb parameter. jsonb cannot hold U+0000; it is written as U+FFFD. */
export function jsonbText(value: unknown): string {
  // Escapes are taken one after another, so that the second half of an escaped backslash begins none.
  return JSON.stringify(value).replaceAll(/\\(?:u0000|[\s\S])/g, (pair) => (pair === '\\u0000' ? '\\ufffd' : pair));
}
