import { isUtf8 } from 'node:buffer';

/** What a byte from 0x80 is added to: the second halves of surrogate pairs, which no decoded text has alone. */
const ESCAPED = 0xdc00;

/**
 * A file's name as text. Systems that keep names as bytes do not care whether they are UTF-8; in one that is not, each byte beyond ASCII
 * becomes half a surrogate pair, U+DC80 to U+DCFF, so that two such names stay different. Such a text is fit to be shown, not to open the file.
 */
export function decodeName(name: Buffer): string {
  if (isUtf8(name)) return name.toString();
  return String.fromCharCode(...Array.from(name, (byte) => (byte < 0x80 ? byte : ESCAPED + byte)));
}

/** The first byte of a name that `decodeName` could not decode; undefined where it is UTF-8. */
export function undecodableByte(name: string): number | undefined {
  const escaped = /[\udc80-\udcff]/u.exec(name)?.[0];
  return escaped === undefined ? undefined : escaped.charCodeAt(0) - ESCAPED;
}
