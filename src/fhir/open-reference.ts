/** A reference that names its resource by something else than type and id. */
export type OpenReference =
  | { kind: 'identifier'; type: string; system: string | undefined; value: string }
  | { kind: 'uuid'; id: string }
  /** A search by anything else than one identifier, or by one that no resource can have; it is not resolved. */
  | { kind: 'search'; type: string };

/** Longer URIs are not looked up: it bounds what a cache of them takes. */
export const LONGEST_OPEN_REFERENCE = 1024;

const SEARCH = /^([A-Z][A-Za-z]+)\?/;
const IDENTIFIER = /^identifier=([^&]+)$/;
/** Of a search by token: the system, if there is one, and the value. A comma or a bar that is not escaped belongs to neither. */
const TOKEN = /^(?:((?:[^\\|,]|\\[\s\S])*)\|)?((?:[^\\|,]|\\[\s\S])+)$/;
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
  const [token, system, value] = TOKEN.exec(decoded(query)) ?? [];
  if (token === undefined || value === undefined) return { kind: 'search', type };
  return {
    kind: 'identifier',
    type,
    system: system === undefined ? undefined : unescaped(system),
    value: unescaped(value),
  };
}

/** Empty where it is not text, or one that Postgres cannot hold, and so no identifier has. */
function decoded(query: string): string {
  try {
    const text = decodeURIComponent(query);
    return text.isWellFormed() && !text.includes('\0') ? text : '';
  } catch {
    return '';
  }
}

/** FHIR's escapes; any other backslash stands for itself. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([\\,|$])/g, '$1');
}
