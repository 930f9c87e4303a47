/**
 * Where an object of a JSON text has a key a second time, of which `JSON.parse` keeps the last without a word.
 * @param text valid JSON
 * @returns the index of that key; undefined where there is none
 */
export function repeatedKey(text: string): number | undefined {
  const objects: Set<unknown>[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') objects.push(new Set());
    else if (text[at] === '}') objects.pop();
    else if (text[at] === '"') {
      const end = endOfString(text, at);
      if (isBeforeColon(text, end)) {
        const written = text.slice(at, end);
        // The same key may be written in several ways.
        const key: unknown = written.includes('\\') ? JSON.parse(written) : written.slice(1, -1);
        const keys = objects.at(-1);
        if (keys?.has(key)) return at;
        keys?.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** @returns the index after the closing quotation mark */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isBeforeColon(text: string, from: number): boolean {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at++;
  return text[at] === ':';
}
