/**
 * JSON.parse, but with object keys in hexadecimal. In V8 of Node 24.21 JSON.parse itself mistakes a key: having read an
 * object with the key `\\`, it reads `"\u0061"` in the same place of another as `\`. Strings it reads right.
 * @throws SyntaxError when `text` is no JSON
 */
export function parseJson(text: string): unknown {
  JSON.parse(text);
  const plain = text.replaceAll(/("(?:[^"\\]|\\.)*")(\s*:)|"(?:[^"\\]|\\.)*"/g, (string, key, colon) =>
    key === undefined ? string : `"${plainKey(JSON.parse(key))}"${colon}`,
  );
  return JSON.parse(plain);
}

/** A key as `parseJson` gives it. */
export function plainKey(key: string): string {
  return Buffer.from(key, 'utf16le').toString('hex');
}
