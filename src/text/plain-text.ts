/**
 * What makes a terminal or a reader of a log do something: control characters, C1's among them, and marks that turn the
 * direction of writing. Keys of objects, messages of stores and database errors may hold any of them.
 */
const ACTIVE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** One line of text for people: each such character becomes U+FFFD, a line break too, which would forge a line. */
export function plainText(text: string): string {
  return text.replace(ACTIVE, '\ufffd');
}

/** The same for text of several lines of our own. */
export function plainLines(text: string): string {
  return text.split('\n').map(plainText).join('\n');
}

/**
 * JSON on one line, as `JSON.stringify` gives it, with the same value: such characters, which can only stand in its
 * strings, are written as `\uXXXX`. A line break at its end stays.
 */
export function plainJson(json: string): string {
  return json.replace(ACTIVE, (character, at: number) =>
    character === '\n' && at === json.length - 1
      ? character
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
