import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { addElement, type Element, type Elements, type FhirDefinitions, isPrimitive } from './element-tree.ts';

interface StructureDefinition {
  resourceType: string;
  name: string;
  type: string;
  kind: string;
  abstract: boolean;
  derivation?: string;
  snapshot: { element: readonly ElementDefinition[] };
}

interface ElementDefinition {
  path: string;
  contentReference?: string;
  type?: readonly { code: string }[];
}

const FILES = ['profiles-types', 'profiles-resources'];

/** The definitions in a package's official StructureDefinitions. */
export function readStructureDefinitions(packageName: string): FhirDefinitions {
  const require = createRequire(import.meta.url);
  const all = FILES.flatMap((file) => {
    const path = require.resolve(`${packageName}/definitions/${file}.min.json`);
    const bundle: { entry: { resource: StructureDefinition }[] } = JSON.parse(readFileSync(path, 'utf8'));
    return bundle.entry.map(({ resource }) => resource);
  });
  const types: FhirDefinitions['types'] = new Map();
  const resourceTypes = new Set<string>();
  for (const definition of all) {
    const { resourceType, name, kind, abstract, derivation } = definition;
    if (resourceType !== 'StructureDefinition') continue;
    // `SimpleQuantity` and `MoneyQuantity` are written as constraints of Quantity.
    if (derivation === 'constraint' && !/Quantity$/.test(name)) continue;
    if (kind !== 'resource' && kind !== 'complex-type') continue;
    types.set(name, elementsOf(definition));
    if (kind === 'resource' && !abstract) resourceTypes.add(name);
  }
  return { types, resourceTypes };
}

function elementsOf({ snapshot }: StructureDefinition): Elements {
  const elements: Elements = new Map();
  for (const definition of snapshot.element) {
    const path = definition.path
      .replace(/\[x\]$/, '')
      .split('.')
      .slice(1);
    const element = path.length === 0 ? undefined : elementOf(definition);
    if (element !== undefined) addElement(elements, path, element);
  }
  return elements;
}

function elementOf({ path, contentReference, type = [] }: ElementDefinition): Element | undefined {
  if (contentReference !== undefined) return { kind: 'same-as', path: contentReference.replace(/^.*#/, '') };
  const codes = type.map(({ code }) => code);
  if (path.endsWith('[x]')) return { kind: 'choice', types: codes };
  const [code = ''] = codes;
  if (code === 'BackboneElement' || code === 'Element') return { kind: 'backbone', elements: new Map() };
  if (code.startsWith('http://hl7.org/fhirpath/System.') || code === 'xhtml') return undefined;
  return isPrimitive(code) ? { kind: 'primitive' } : { kind: 'type', type: code };
}
