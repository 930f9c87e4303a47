/** A value as the text of a jsonb parameter. jsonb cannot hold U+0000; it is written as U+FFFD. */
export function jsonbText(value: unknown): string {
  return JSON.stringify(value).replaceAll(/(?<!\\)((?:\\\\)*)\\u0000/g, '$1\\ufffd');
}
