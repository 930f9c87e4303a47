import { FHIR_RESOURCE_TYPES } from './resource-types.ts';

/**
 * Which resource types files may be loaded into, as the operator says it (LOADER_RESOURCE_TYPES). FHIR's always;
 * anybody who can write to a bucket could otherwise write what Aidbox runs or trusts. Plain data: it crosses to workers.
 */
export interface LoadableTypes {
  /** Types beside FHIR's, in the operator's spelling. */
  named: readonly string[];
  /** `*`: also every other type that has a table of Aidbox's shape, but for those that grant access. */
  everyTable: boolean;
}

/**
 * Aidbox's types that grant access or that Aidbox executes: those of Aidbox's documentation, "IAM module
 * resources", and those by which a call can be opened to anybody (App, Operation, AidboxQuery) or code be run (Lambda).
 */
export const ACCESS_TYPES: readonly string[] = [
  'AccessPolicy',
  'AidboxQuery',
  'App',
  'AuthConfig',
  'Client',
  'Grant',
  'IdentityProvider',
  'Lambda',
  'Operation',
  'Registration',
  'Role',
  'Scope',
  'Session',
  'TokenIntrospector',
  'User',
];

/** The loader's own records; no file may hold them. */
const OWN_TYPES = ['LoaderFile', 'DisabledIndex', 'LoaderError'];

const EVERY_TABLE = '*';
const FHIR = lowercase(FHIR_RESOURCE_TYPES);
const ACCESS = lowercase(ACCESS_TYPES);
const OWN = lowercase(OWN_TYPES);

/**
 * Parses LOADER_RESOURCE_TYPES: names separated by commas, `*` among them for every table.
 * @throws RangeError that names what is not a type
 */
export function parseLoadableTypes(text: string): LoadableTypes {
  const words = text.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
  const named = words.filter((word) => word !== EVERY_TABLE);
  for (const name of named) {
    if (!/^[A-Za-z]\w{0,62}$/.test(name)) throw new RangeError(`"${name}" is not the name of a resource type`);
    const isReserved = OWN.has(name.toLowerCase()) || name.toLowerCase().endsWith('_history');
    if (isReserved) throw new RangeError(`${name} cannot be loaded from files`);
  }
  return { named, everyTable: words.includes(EVERY_TABLE) };
}

/** Whether files may be loaded into a type. */
export function isLoadable(type: string, { named, everyTable }: LoadableTypes): boolean {
  const name = type.toLowerCase();
  if (OWN.has(name)) return false;
  if (FHIR.has(name) || named.some((each) => each.toLowerCase() === name)) return true;
  return everyTable && !ACCESS.has(name);
}

function lowercase(types: readonly string[]): ReadonlySet<string> {
  return new Set(types.map((type) => type.toLowerCase()));
}
