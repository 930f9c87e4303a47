/** A reference that names its resource by something else than type and id. */
export type OpenReference =
  | { kind: 'identifier'; type: string; system: string | undefined; value: string }
  | { kind: 'uuid'; id: string }
  /** A search by anything else than one identifier; it is not resolved. */
  | { kind: 'search'; type: string };

/** Longer URIs are not looked up: it bounds what a cache of them takes. */
export const LONGEST_OPEN_REFERENCE = 1024;

const SEARCH = /^([A-Z][A-Za-z]+)\?/;
const IDENTIFIER = /^identifier=([^&]+)$/;
const UUID = /^urn:uuid:([0-9A-Za-z.-]{1,64})$/;

/**
 * Reads `Practitioner?identifier=system|value`, other searches, and `urn:uuid:…`; undefined for any other reference.
 */
export function parseOpenReference(uri: string): OpenReference | undefined {
  const id = UUID.exec(uri)?.[1];
  if (id !== undefined) return { kind: 'uuid', id };
  const [prefix, type] = SEARCH.exec(uri) ?? [];
  if (prefix === undefined || type === undefined) return undefined;
  const query = uri.length > LONGEST_OPEN_REFERENCE ? undefined : IDENTIFIER.exec(uri.slice(prefix.length))?.[1];
  if (query === undefined) return { kind: 'search', type };
  const token = decoded(query);
  const bar = token.indexOf('|');
  const value = token.slice(bar + 1);
  if (value === '') return { kind: 'search', type };
  return { kind: 'identifier', type, system: bar === -1 ? undefined : token.slice(0, bar), value };
}

/** Percent signs that encode nothing stand for themselves. */
function decoded(query: string): string {
  try {
    return decodeURIComponent(query);
  } catch {
    return query;
  }
}
