/** A value as the text of a jsonb parameter. jsonb cannot hold U+0000 or half a surrogate pair; each is written as U+FFFD. */
export function jsonbText(value: unknown): string {
  // Escapes are taken one after another, so that the second half of an escaped backslash begins none.
  return JSON.stringify(value).replaceAll(/\\(?:u0000|ud[89a-f][0-9a-f]{2}|[\s\S])/g, (written) =>
    written.length > 2 ? '\\ufffd' : written,
  );
}
