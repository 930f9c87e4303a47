import { CORE_SCHEMA, dump, load } from 'js-yaml';
import { ClientError } from '../errors/client-error.ts';
import { parseFailure, placeAt, withPlace } from './parse-failure.ts';
import { repeatedKey } from './repeated-key.ts';

export type BodyFormat = 'json' | 'yaml';

/** Content types of requests, and what their bodies are written in. */
export const REQUEST_TYPES: Readonly<Record<string, BodyFormat>> = {
  'application/json': 'json',
  'text/yaml': 'yaml',
  'application/yaml': 'yaml',
  'application/x-yaml': 'yaml',
};

const ANSWER_TYPES: Readonly<Record<BodyFormat, string>> = {
  json: 'application/json; charset=utf-8',
  yaml: 'text/yaml; charset=utf-8',
};

/** Deepest nesting of a body. The methods' params need three levels. */
const MOST_DEPTH = 32;

/** YAML aliases can make a small body a huge value; nothing here needs one. */
const MOST_ALIASES = 0;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The text of a body. Bytes of another encoding are no letters of the same look: a prefix in Latin-1 would match no key.
 * @throws ClientError of kind `unreadable-body`
 */
export function decodeBody(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new ClientError('unreadable-body', 'The body is not valid UTF-8.');
  }
}

/** @throws ClientError of kind `unreadable-body`, with the parser's word on where it is wrong */
export function parseBody(text: string, format: BodyFormat): unknown {
  let body: unknown;
  try {
    body =
      format === 'json'
        ? JSON.parse(text)
        : load(text, { schema: CORE_SCHEMA, maxAliases: MOST_ALIASES, maxDepth: MOST_DEPTH });
  } catch (error) {
    const name = format === 'json' ? 'JSON' : 'YAML';
    throw new ClientError('unreadable-body', `The body is not valid ${name}: ${parseFailure(error, text)}.`);
  }
  const repeated = format === 'json' ? repeatedKey(text) : undefined;
  if (repeated !== undefined) {
    const reason = withPlace('duplicated key', placeAt(text, repeated));
    throw new ClientError('unreadable-body', `The body is not valid JSON: ${reason}.`);
  }
  if (isDeeperThan(body, MOST_DEPTH)) {
    throw new ClientError('unreadable-body', `The body is nested deeper than ${MOST_DEPTH} levels.`);
  }
  return body;
}

/** An answer's text and content type. */
export function formatAnswer(answer: unknown, format: BodyFormat): { text: string; contentType: string } {
  const text = format === 'json' ? JSON.stringify(answer) : dump(answer, { lineWidth: -1, noRefs: true });
  return { text, contentType: ANSWER_TYPES[format] };
}

/** The format that a `_format` names; undefined for any other word. */
export function formatOfName(name: string): BodyFormat | undefined {
  if (name === 'json' || name === 'yaml') return name;
  if (name === 'application/fhir+json') return 'json';
  return Object.hasOwn(REQUEST_TYPES, name) ? REQUEST_TYPES[name] : undefined;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
