import { MAX_ID_CHARACTERS } from '../../src/errors/line-error.ts';
import { parseJson, plainKey } from './parse-json.ts';
import { LINE_TYPE } from './random-line.ts';

/** What a loader has to make of a line, found the slow way: with JSON.parse. Keys of `rest` are in hexadecimal. */
export type Expected =
  | { readonly kind: 'blank' | 'invalid' | 'fault' }
  | { readonly kind: 'resource'; readonly id: string; readonly rest: Record<string, unknown> };

/** The expectation for one line without its line feed. */
export function expectedOfLine(line: Buffer): Expected {
  if (/^[ \t\r]*$/.test(line.toString('latin1'))) return { kind: 'blank' };
  const parsed = parseStrictly(line);
  if (parsed === undefined) return { kind: 'invalid' };
  const { text, value } = parsed;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { kind: 'fault' };
  const keys = topLevelKeys(text);
  const count = (wanted: string) => keys.filter((key) => key === wanted).length;
  const members = new Map(Object.entries(value));
  const id: unknown = members.get(plainKey('id'));
  if (count('id') !== 1 || typeof id !== 'string' || !isStorableId(id)) return { kind: 'fault' };
  if (count('resourceType') > 1) return { kind: 'fault' };
  if (count('resourceType') === 1 && members.get(plainKey('resourceType')) !== LINE_TYPE) return { kind: 'fault' };
  members.delete(plainKey('id'));
  members.delete(plainKey('resourceType'));
  return { kind: 'resource', id, rest: Object.fromEntries(members) };
}

/** The JSON value of some bytes, keys in hexadecimal; undefined where they are no UTF-8 or no JSON. */
export function parseStrictly(bytes: Buffer): { text: string; value: unknown } | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, value: parseJson(text) };
  } catch {
    return undefined;
  }
}

/** The keys of a valid JSON object's own members, repetitions included. */
function topLevelKeys(text: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (const [token, string] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (string !== undefined && depth === 1) keys.push(JSON.parse(string));
    if (token === '{' || token === '[') depth++;
    if (token === '}' || token === ']') depth--;
  }
  return keys;
}

function isStorableId(id: string): boolean {
  const characters = [...id].length;
  return characters > 0 && characters <= MAX_ID_CHARACTERS && id.isWellFormed() && !id.includes('\0');
}
