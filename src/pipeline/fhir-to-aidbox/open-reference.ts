/** A reference that says whom it means by something else than type and id. */
export type OpenReference =
  | { kind: 'identifier'; type: string; system: string | undefined; value: string }
  | { kind: 'uuid'; id: string };

const CONDITIONAL = /^([A-Z][A-Za-z]+)\?identifier=([^&]+)$/;
const UUID = /^urn:uuid:([0-9A-Za-z.-]{1,64})$/;

/**
 * Reads `Practitioner?identifier=system|value` and `urn:uuid:…`; undefined for any other reference, such as a search by
 * more than an identifier.
 */
export function parseOpenReference(uri: string): OpenReference | undefined {
  const id = UUID.exec(uri)?.[1];
  if (id !== undefined) return { kind: 'uuid', id };
  const [, type, query] = CONDITIONAL.exec(uri) ?? [];
  if (type === undefined || query === undefined) return undefined;
  const token = decoded(query);
  const bar = token.indexOf('|');
  const value = token.slice(bar + 1);
  if (value === '') return undefined;
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
