import { createRequire } from 'node:module';
import { addElement, type Element, type FhirDefinitions, isPrimitive } from './element-tree.ts';

interface FhirpathContext {
  choiceTypePaths: Record<string, readonly string[]>;
  pathsDefinedElsewhere: Record<string, string>;
  type2Parent: Record<string, string>;
  path2Type: Record<string, string | { code: string }>;
}

const ABSTRACT = new Set(['Resource', 'DomainResource', 'CanonicalResource', 'MetadataResource']);

/** The definitions of R4 or R5 as npm `fhirpath` carries them. */
export function readFhirpath(version: 'r4' | 'r5'): FhirDefinitions {
  const context: FhirpathContext = createRequire(import.meta.url)(`fhirpath/fhir-context/${version}`);
  const { path2Type, choiceTypePaths, pathsDefinedElsewhere, type2Parent } = context;
  const codeAt = (path: string) => {
    const type = path2Type[path];
    return typeof type === 'object' ? type.code : type;
  };
  const expanded = new Set<string>();
  const choices = new Map<string, string[]>();
  for (const [path, suffixes] of Object.entries(choiceTypePaths)) {
    // Of an old snapshot: every `extension` is of type Extension.
    if (path === 'ElementDefinition.extension.value') continue;
    const codes = suffixes.map((suffix) => {
      expanded.add(path + suffix);
      // The suffixes are capitalised; the name as FHIR spells it is the type's own.
      return codeAt(path + suffix) ?? fail(`${path}${suffix} has no type`);
    });
    choices.set(path, codes);
  }

  const elements = new Map<string, Element>();
  for (const path of Object.keys(path2Type)) {
    const code = codeAt(path) ?? '';
    if (expanded.has(path) || path.includes('.extension.') || code.startsWith('System.')) continue;
    if (code === 'BackboneElement' || code === 'Element') elements.set(path, { kind: 'backbone', elements: new Map() });
    else if (isPrimitive(code)) elements.set(path, { kind: 'primitive' });
    else if (code !== 'xhtml') elements.set(path, { kind: 'type', type: code });
  }
  for (const [path, types] of choices) elements.set(path, { kind: 'choice', types });
  for (const [path, target] of Object.entries(pathsDefinedElsewhere))
    elements.set(path, { kind: 'same-as', path: target });

  const types: FhirDefinitions['types'] = new Map();
  const sorted = [...elements].map(([path, element]) => ({ path: path.split('.'), element }));
  sorted.sort((a, b) => a.path.length - b.path.length);
  for (const { path, element } of sorted) {
    const [type = '', ...rest] = path;
    if (rest.length === 0 || !/^[A-Z]/.test(type)) continue;
    const own = types.get(type) ?? new Map();
    types.set(type, own);
    addElement(own, rest, element);
  }
  // `SimpleQuantity` and `MoneyQuantity` constrain a type and have no elements of their own.
  for (const type of Object.keys(type2Parent)) {
    const parent = types.get(type2Parent[type] ?? '');
    if (!types.has(type) && /Quantity$/.test(type) && parent !== undefined) types.set(type, parent);
  }
  return { types, resourceTypes: new Set([...types.keys()].filter(isResource)) };

  function isResource(type: string): boolean {
    if (ABSTRACT.has(type)) return false;
    for (let at: string | undefined = type; at !== undefined; at = type2Parent[at]) if (at === 'Resource') return true;
    return false;
  }
}

function fail(message: string): never {
  throw new Error(message);
}
